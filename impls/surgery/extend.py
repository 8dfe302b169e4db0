"""Extending by given tokens: all old ids are kept."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import pairwise

from impls.continuing import merges_without
from impls.definition import Definition
from impls.encode.heap import HeapEncoder
from impls.errors import MissingByteError, UsageError, shown
from impls.patterns import Splitter, check_special_tokens
from impls.surgery import Changed, check_definition
from impls.train.naive import Pair, merge_pair


def extend(definition: Definition, tokens: Iterable[str] = (), special_tokens: Sequence[str] = ()) -> Changed:
    """Add tokens and special tokens to a tokenizer.

    Law. All old tokens keep their ids. The tokens are added in the order given. As long as the text of a new token
    gives more than one id, the first two of these ids become a merge, which comes after all merges so far. Each such
    merge makes a token with the next id. So a token of n ids needs at most n - 1 new ids. New special tokens come
    last. In the end, the text of each new token gives its id alone. If a text holds no new special token, its new ids
    are its old ids with some neighbours joined. Joined neighbours can also stand inside longer pretokens: if `cat` is
    added, the ids of `concatenate` may change.

    The tokenizer may have a token that no text gives. If a new merge makes this token, the token keeps its id, and
    the old merges with this token, which never applied to any text, are dropped.

    Args:
        definition: the tokenizer.
        tokens: texts; each must be one pretoken by the pattern of the tokenizer.
        special_tokens: special tokens.

    Raises:
        UsageError: a token is in the vocabulary already, is not one pretoken, or holds a special token or a byte that
            the vocabulary lacks; or an argument is of a wrong type.
    """
    specials = check_special_tokens(special_tokens)
    growing = _Growing(check_definition(definition))
    for token in _listed(tokens):
        growing.add(token)
    for special in specials:
        if special.encode() in growing.ids:
            raise UsageError(f"special tokens: {special!r} is in the vocabulary already; leave it out")
    all_specials = [*definition.special_tokens, *specials]
    vocab = {token_id: token for token, token_id in growing.ids.items()}
    changed = Definition(vocab, growing.merges(), all_specials, definition.pattern)
    return Changed(changed, {token_id: token_id for token_id in definition.vocab})


def _listed(tokens: object) -> list[object]:
    if isinstance(tokens, str | bytes) or not isinstance(tokens, Iterable):
        raise UsageError(f"tokens: {shown(tokens)} is not a list; give a list of strings")
    return list(tokens)


class _Growing:
    """A tokenizer to which merges are added.

    Attributes:
        ids: a dict: token -> id.
    """

    def __init__(self, definition: Definition) -> None:
        self._definition = definition
        self._encoder = HeapEncoder(definition.vocabulary, definition.pattern)
        self._splitter = Splitter(definition.pattern, list(definition.special_tokens))
        self._new: dict[Pair, tuple[int, int]] = {}  # Pair of ids -> rank among the new merges, id.
        self._next = definition.n_ids
        self.ids = {token: token_id for token_id, token in definition.vocab.items()}
        self._tokens = dict(definition.vocab)

    def add(self, token: object) -> None:
        """Add merges until a token gives a single id."""
        ids = self._encoded(self._checked(token))
        while len(ids) > 1:
            merged = self._tokens[ids[0]] + self._tokens[ids[1]]
            if merged not in self.ids:
                self.ids[merged], self._tokens[self._next] = self._next, merged
                self._next += 1
            self._new[ids[0], ids[1]] = len(self._new), self.ids[merged]
            ids = self._joined(ids)

    def merges(self) -> list[tuple[bytes, bytes]]:
        """Return all merges, the new ones last."""
        new = [(self._tokens[left], self._tokens[right]) for left, right in self._new]
        return [*merges_without({left + right for left, right in new}, self._definition.merges), *new]

    def _encoded(self, token: str) -> list[int]:
        try:
            return self._joined(self._encoder.encode_pretoken(token.encode()))
        except MissingByteError as error:
            raise UsageError(f"tokens: {token!r} cannot be encoded: {error}") from None

    def _joined(self, ids: list[int]) -> list[int]:
        """Apply the new merges, in the order in which they were added."""
        while known := [pair for pair in pairwise(ids) if pair in self._new]:
            pair = min(known, key=self._new.__getitem__)
            ids = merge_pair(ids, pair, self._new[pair][1])
        return ids

    def _checked(self, token: object) -> str:
        if not isinstance(token, str) or not token:
            raise UsageError(f"tokens: {shown(token)} is not a text; give strings that are not empty")
        told = f"tokens: {shown(token)}"
        try:
            old_id = self.ids.get(token.encode())
        except UnicodeEncodeError:
            raise UsageError(f"{told} has a lone surrogate, which has no UTF-8 form; leave it out") from None
        if old_id in self._definition.vocab:
            raise UsageError(f"{told} is in the vocabulary already, as id {old_id}; leave it out")
        segments = self._splitter.segments(token)
        if len(segments) > 1:
            raise UsageError(f"{told} holds the special token {segments[1]!r}; give another token")
        pretokens = list(self._splitter.pretokens(token))
        if len(pretokens) > 1:
            raise UsageError(
                f"{told} is {len(pretokens)} pretokens, the first {shown(pretokens[0])}; no merge joins pretokens: "
                "give the pretokens as tokens, or the whole as a special token"
            )
        return token
