"""A tokenizer as one checked value that never changes: its ids, merges, special tokens and split pattern.

Training returns a `Definition`, formats read and write it, and encoders are built from its arrays. So the pattern and
the special tokens always stay with the merges.
"""

from __future__ import annotations

import hashlib
import json
import operator
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import cached_property

import numpy as np

from impls.contract import N_BYTES, Array32, Array64, IdType, Merges, Vocabulary
from impls.errors import UsageError
from impls.frozen import FrozenDict
from impls.patterns import check_special_tokens, compile_pattern

Pairs = Sequence[tuple[bytes, bytes]]

MAX_ID = (1 << 31) - 1


class Definition:
    """A tokenizer as a value: definitions with equal parts are equal, and they can be hashed, copied and pickled.

    Attributes:
        vocab: a read-only mapping: id -> bytes of the token, special tokens included, in the order given.
        merges: pairs of tokens in order of rank.
        special_tokens: a read-only mapping: special token -> id, in the order given.
        pattern: name of the split pattern, see `impls.patterns`.
    """

    vocab: Mapping[int, bytes]
    merges: tuple[tuple[bytes, bytes], ...]
    special_tokens: Mapping[str, int]
    pattern: str

    def __init__(
        self,
        vocab: Mapping[int, bytes],
        merges: Iterable[tuple[bytes, bytes]],
        special_tokens: Sequence[str] = (),
        pattern: str = "gpt2",
    ) -> None:
        """Check the parts of a tokenizer and keep them.

        Args:
            vocab: a mapping: id -> bytes of the token. Ids are kept as they are.
            merges: pairs of tokens in order of rank.
            special_tokens: tokens that are cut out of a text before it is split. Special tokens that `vocab` lacks
                get the next free ids.
            pattern: "gpt2", "gpt4", "o200k", "llama3", "qwen2", or "regex:EXPRESSION".

        Raises:
            UsageError: a token is empty or has two ids; a merge is given twice, uses a token that is not in the
                vocabulary, or uses a token that only a later merge makes; a special token is bad; the pattern is
                unknown.
        """
        ids = _ids_of(vocab)
        # A pair that is a tuple already is kept as it is: copying 50,000 of them is slow.
        pairs = tuple(pair if type(pair) is tuple else _as_pair(pair) for pair in _listed(merges))
        arrays = _vocabulary(ids, pairs)
        specials = _with_special_tokens(ids, check_special_tokens(special_tokens))
        compile_pattern(pattern)
        self._set({token_id: token for token, token_id in ids.items()}, pairs, specials, pattern)
        self._arrays = arrays

    @classmethod
    def of_ids(
        cls,
        vocab: Mapping[int, bytes],
        merges: tuple[Array32, Array32, Array32],
        special_tokens: Sequence[str],
        pattern: str,
    ) -> Definition:
        """Check the parts of a tokenizer whose merges are given as ids, which is faster than as bytes.

        Args:
            vocab: a mapping: id -> bytes of the token, special tokens included.
            merges: the left ids, the right ids and the ids of the merged tokens, int32[m] each, in order of rank.
            special_tokens: see the constructor.
            pattern: see the constructor.

        Raises:
            UsageError: see the constructor; or an id of a merge is not in `vocab`.
        """
        made, ids = cls.__new__(cls), _ids_of(vocab)
        try:
            left_tokens, right_tokens, merged_tokens = (
                list(map(vocab.__getitem__, column.tolist())) for column in merges
            )
        except KeyError as error:
            raise UsageError(f"merges: no token has the id {error}; add this token, or remove the merge") from None
        pairs = tuple(zip(left_tokens, right_tokens, strict=True))
        if list(map(operator.add, left_tokens, right_tokens)) != merged_tokens:
            raise UsageError("merges: a merged token is not its left token followed by its right token; correct it")
        made._arrays = _checked(ids, pairs, *merges)
        specials = _with_special_tokens(ids, check_special_tokens(special_tokens))
        compile_pattern(pattern)
        made._set({token_id: token for token, token_id in ids.items()}, pairs, specials, pattern)
        return made

    @classmethod
    def of_training(cls, merges: Merges, special_tokens: Sequence[str], pattern: str) -> Definition:
        """Number the tokens as a trainer does: byte b is id b, merge i makes id 256 + i, special tokens come last.

        Args:
            merges: the result of a trainer; it is not checked again.
            special_tokens: the special tokens, which the caller has checked.
            pattern: the name of the split pattern, which the caller has checked.
        """
        made, tokens = cls.__new__(cls), merges.token_bytes()
        pairs = zip(merges.left.tolist(), merges.right.tolist(), strict=True)
        made._set(
            dict(enumerate(tokens + [token.encode() for token in special_tokens])),
            tuple((tokens[left], tokens[right]) for left, right in pairs),
            {token: len(tokens) + place for place, token in enumerate(special_tokens)},
            pattern,
        )
        made._arrays = Vocabulary.from_merges(merges)
        return made

    def _set(
        self,
        vocab: dict[int, bytes],
        merges: tuple[tuple[bytes, bytes], ...],
        special_tokens: dict[str, int],
        pattern: str,
    ) -> None:
        fields = {
            "vocab": FrozenDict(vocab),
            "merges": merges,
            "special_tokens": FrozenDict(special_tokens),
            "pattern": pattern,
        }
        self.__dict__.update(fields)

    def __setattr__(self, name: str, value: object) -> None:
        """Refuse to change a public attribute, since its value was checked."""
        if not name.startswith("_"):
            raise AttributeError(f"{name}: a Definition cannot be changed; make a new one")
        super().__setattr__(name, value)

    @property
    def n_ids(self) -> int:
        """One more than the largest id."""
        return 1 + max(self.vocab, default=0)

    @cached_property
    def vocabulary(self) -> Vocabulary:
        """The arrays that encoders are built from, special tokens included."""
        arrays = self._arrays
        return Vocabulary(arrays.byte_ids, arrays.left, arrays.right, arrays.merged, self.n_ids, self.special_tokens)

    @property
    def id_dtype(self) -> IdType:
        """Type of ids in arrays and on disk, little-endian: uint16 if every id fits into 16 bits, else uint32."""
        return self.vocabulary.id_dtype

    @cached_property
    def fingerprint(self) -> str:
        """The sha256, as hex, of ids, tokens, merges, special tokens and pattern."""
        return fingerprint(self.vocab, self.merges, list(self.special_tokens), self.pattern)

    def __eq__(self, other: object) -> bool:
        """Compare ids, merges, special tokens in their order, and pattern."""
        return isinstance(other, Definition) and self._parts() == other._parts()

    def __hash__(self) -> int:
        """Hash the fingerprint."""
        return hash(self.fingerprint)

    def __repr__(self) -> str:
        """Return the sizes of the parts and the pattern as one line."""
        return (
            f"Definition({len(self.vocab)} tokens, {len(self.merges)} merges, "
            f"{len(self.special_tokens)} special tokens, pattern {self.pattern!r})"
        )

    def __reduce__(self) -> tuple[object, ...]:
        """Pickle the arguments; unpickling checks them again."""
        return Definition, (self.vocab, self.merges, list(self.special_tokens), self.pattern)

    def _parts(self) -> tuple[object, ...]:
        return self.vocab, self.merges, list(self.special_tokens.items()), self.pattern


def fingerprint(vocab: Mapping[int, bytes], merges: Pairs, special_tokens: Sequence[str], pattern: str) -> str:
    """Return the sha256, as hex, of the parts of a tokenizer, whether or not they fit together."""
    by_id = sorted(vocab)
    tokens = list(map(vocab.__getitem__, by_id))
    parts = (tokens, *zip(*merges, strict=True)) if merges else (tokens,)
    head = [by_id, list(special_tokens), pattern, [list(map(len, part)) for part in parts]]
    return hashlib.sha256(b"".join([json.dumps(head).encode(), *map(b"".join, parts)])).hexdigest()


def _listed(merges: object) -> Iterator[object]:
    if isinstance(merges, str | bytes | Mapping) or not isinstance(merges, Iterable):
        raise UsageError("merges: the value is not a list; give a list of pairs such as (b'a', b'b')")
    return iter(merges)


def _as_pair(pair: object) -> tuple[bytes, bytes]:
    """Return a list as a tuple, and anything else unchanged: `_fault_in_merges` finds values that are not pairs."""
    return tuple(pair) if isinstance(pair, list) else pair  # type: ignore[return-value]


def _with_special_tokens(ids: dict[bytes, int], special_tokens: Sequence[str]) -> dict[str, int]:
    """Give each special token that has no id the next free id, also in `ids`; return a dict: special token -> id."""
    found: dict[str, int] = {}
    free = max(ids.values(), default=-1) + 1
    for special in special_tokens:
        token = special.encode()
        if token not in ids:
            if free > MAX_ID:
                raise UsageError(
                    f"special tokens: no id up to {MAX_ID} is left for {special!r}; give its id in vocab"
                )
            ids[token], free = free, free + 1
        found[special] = ids[token]
    return found


def _vocabulary(ids: Mapping[bytes, int], merges: Pairs) -> Vocabulary:
    """Check the merges against the ids of the tokens, and return both as arrays."""
    try:
        left_tokens, right_tokens = zip(*merges, strict=True) if merges else ((), ())
        columns = (left_tokens, right_tokens, map(operator.add, left_tokens, right_tokens))
        left, right, merged = (np.fromiter(map(ids.__getitem__, column), np.int32) for column in columns)
    except (KeyError, TypeError, ValueError):
        raise _fault_in_merges(merges, ids) from None
    return _checked(ids, merges, left, right, merged)


def _checked(ids: Mapping[bytes, int], merges: Pairs, left: Array32, right: Array32, merged: Array32) -> Vocabulary:
    """Check that no merge is given twice or uses a token that only a later merge makes; return the arrays."""
    keys = np.sort((left.astype(np.int64) << 32) | right)
    if (keys[1:] == keys[:-1]).any():
        raise _fault_in_merges(merges, ids)
    made = _last_made(merged, np.stack([left, right]))
    too_late = made >= np.arange(len(merged))
    if too_late.any():
        rank = int(too_late.any(axis=0).argmax())
        side = int(too_late[:, rank].argmax())
        maker = made[side, rank]
        told = f"{merges[rank][side]!r}, which number {maker} makes"
        raise UsageError(f"merges: number {rank} {merges[rank]!r} uses {told}; move number {maker} before it")
    byte_ids = np.array([ids.get(bytes([byte]), -1) for byte in range(N_BYTES)], np.int32)
    return Vocabulary(byte_ids, left, right, merged, 1 + max(ids.values(), default=0))


def _last_made(merged: Array32, wanted: Array32) -> Array64:
    """Return, for each wanted id, the rank of the last merge that makes this id, or -1 if no merge makes it."""
    if not len(merged):
        return np.full(wanted.shape, -1, np.int64)
    order = np.argsort(merged, kind="stable")
    made = merged[order]
    place = (np.searchsorted(made, wanted, "right") - 1).clip(min=0)
    return np.where(made[place] == wanted, order[place], -1)


def _ids_of(vocab: Mapping[int, bytes]) -> dict[bytes, int]:
    """Return a dict: token -> id.

    All tokens are first checked together, which is ten times as fast as checking them one by one.
    """
    if not isinstance(vocab, Mapping):
        raise UsageError(f"vocab: {type(vocab).__name__} is not a mapping from id to bytes; give a dict")
    ids: dict[bytes, int] = {}
    if set(map(type, vocab)) <= {int} and set(map(type, vocab.values())) <= {bytes}:
        ids = {token: token_id for token_id, token in vocab.items()}
        if (
            len(ids) == len(vocab)
            and b"" not in ids
            and min(vocab, default=0) >= 0
            and max(vocab, default=0) <= MAX_ID
        ):
            return ids
        ids.clear()
    for token_id, token in vocab.items():
        if token == b"":
            raise UsageError(f"vocab: the token of id {token_id!r} is empty; remove the entry")
        if not isinstance(token, bytes) or isinstance(token_id, bool) or not isinstance(token_id, int | np.integer):
            raise UsageError(
                f"vocab: the entry {token_id!r}: {token!r} is not an integer id with a token as bytes; "
                "give a dict from int to bytes"
            )
        if not 0 <= token_id <= MAX_ID:
            raise UsageError(f"vocab: id {token_id} of {token!r} is not between 0 and {MAX_ID}; give another id")
        if token in ids:
            raise UsageError(f"vocab: {token!r} has two ids, {ids[token]} and {token_id}; remove one of them")
        ids[token] = int(token_id)
    return ids


def _fault_in_merges(merges: Pairs, ids: Mapping[bytes, int]) -> UsageError:
    """Return the error for the first merge that is wrong."""
    ranks: dict[tuple[bytes, bytes], int] = {}
    for rank, pair in enumerate(merges):
        if not isinstance(pair, tuple) or [type(token) for token in pair] != [bytes, bytes]:
            return UsageError(f"merges: number {rank} {pair!r} is not a pair of bytes; give pairs as (b'a', b'b')")
        left, right = pair
        for token in (left, right, left + right):
            if token not in ids:
                told = f"{token!r} is not in the vocabulary; add this token, or remove the merge"
                return UsageError(f"merges: number {rank} {(left, right)!r}: {told}")
        if ranks.setdefault((left, right), rank) != rank:
            return UsageError(
                f"merges: number {rank} {(left, right)!r} was given already, as number {ranks[left, right]}; "
                f"remove number {rank}"
            )
    return UsageError("merges: the value is not a list of pairs of bytes; give pairs such as (b'a', b'b')")
