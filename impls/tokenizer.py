"""The tokenizer that people call: special tokens, streaming and decoding around an encoder."""

from __future__ import annotations

import operator
import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from functools import partial
from math import inf
from typing import Literal, cast

import numpy as np
from numpy.typing import NDArray

from impls.contract import N_BYTES, Array32, Array64, Encoder, Ids, IdType, Vocabulary, check_workers
from impls.corpus import Corpus, SafeCuts, decode_utf8
from impls.errors import FileFormatError, InvalidUtf8Error, UsageError
from impls.fastest import pick
from impls.formats import TokenizerFiles, read_files, read_merges, read_vocab, write_files
from impls.parallel import in_order
from impls.patterns import Splitter, check_special_tokens
from impls.registry import find
from impls.storage import atomic_writer

SpecialMode = Literal["all", "none", "none_raise"]

MAX_ID = (1 << 31) - 1

LISTED_IDS = 1 << 13
"""Ids that are made a list at a time: few enough for the first cache."""

DECODE_IDS = 1 << 20
"""Ids that `decode_file` works on at a time."""

STREAM_CHARACTERS = 1 << 14
"""How much text `encode_iterable` gathers before it encodes."""


def build_vocabulary(vocab: Mapping[int, bytes], merges: Sequence[tuple[bytes, bytes]]) -> Vocabulary:
    """Turn ids and merges given as bytes into the arrays that encoders are built from.

    Raises:
        UsageError: two ids for one token, a merge that is there twice, whose tokens are not in the vocabulary, or
            that uses a token made by a later one.
    """
    return _vocabulary(_ids_of(vocab), merges)


def _vocabulary(ids: Mapping[bytes, int], merges: Sequence[tuple[bytes, bytes]]) -> Vocabulary:
    """Return the arrays of checked tokens with their ids, and of merges, which are checked here."""
    try:
        left_tokens, right_tokens = zip(*merges, strict=True) if merges else ((), ())
        columns = (left_tokens, right_tokens, map(operator.add, left_tokens, right_tokens))
        left, right, merged = (np.fromiter(map(ids.__getitem__, column), np.int32) for column in columns)
        is_fine = len(np.unique((left.astype(np.int64) << 32) | right)) == len(left)
    except (KeyError, TypeError, ValueError):
        is_fine = False
    if not is_fine:
        raise _fault_in_merges(merges, ids)
    made = _last_made(merged, np.stack([left, right]))
    too_late = made >= np.arange(len(merged))
    if too_late.any():
        rank = int(too_late.any(axis=0).argmax())
        side = int(too_late[:, rank].argmax())
        told = f"{merges[rank][side]!r}, made by number {made[side, rank]}"
        raise UsageError(f"merges: number {rank} {merges[rank]!r} uses {told}")
    byte_ids = np.array([ids.get(bytes([byte]), -1) for byte in range(N_BYTES)], np.int32)
    return Vocabulary(byte_ids, left, right, merged, 1 + max(ids.values(), default=0))


def _last_made(merged: Array32, wanted: Array32) -> Array64:
    """Return the rank of the last merge that makes each wanted id, -1 where none does."""
    if not len(merged):
        return np.full(wanted.shape, -1, np.int64)
    made, from_the_end = np.unique(merged[::-1], return_index=True)
    place = np.searchsorted(made, wanted).clip(max=len(made) - 1)
    return np.where(made[place] == wanted, len(merged) - 1 - from_the_end[place], -1)


def _ids_of(vocab: Mapping[int, bytes]) -> dict[bytes, int]:
    """Return the id of each token; what all have in common is checked at once, which is ten times as fast."""
    if not isinstance(vocab, Mapping):
        raise UsageError(f"vocab: {type(vocab).__name__} is not a mapping from id to bytes")
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
            raise UsageError(f"vocab: the token of id {token_id!r} is empty")
        if not isinstance(token, bytes) or isinstance(token_id, bool) or not isinstance(token_id, int | np.integer):
            raise UsageError(f"vocab: {token_id!r}: {token!r} is not an id with the bytes of a token")
        if not 0 <= token_id <= MAX_ID:
            raise UsageError(f"vocab: id {token_id} of {token!r} is not between 0 and {MAX_ID}")
        if token in ids:
            raise UsageError(f"vocab: {token!r} has two ids, {ids[token]} and {token_id}")
        ids[token] = int(token_id)
    return ids


def _fault_in_merges(merges: Sequence[tuple[bytes, bytes]], ids: Mapping[bytes, int]) -> UsageError:
    """Return the error for the first merge that is none."""
    ranks: dict[tuple[bytes, bytes], int] = {}
    for rank, pair in enumerate(merges):
        if not isinstance(pair, tuple | list) or [type(token) for token in pair] != [bytes, bytes]:
            return UsageError(f"merges: number {rank} {pair!r} is not a pair of bytes")
        left, right = pair
        for token in (left, right, left + right):
            if token not in ids:
                return UsageError(f"merges: number {rank} {(left, right)!r}: {token!r} is not in the vocabulary")
        if ranks.setdefault((left, right), rank) != rank:
            return UsageError(
                f"merges: number {rank} {(left, right)!r} stands already at number {ranks[left, right]}"
            )
    return UsageError("merges: a list of pairs of bytes is needed")


class Tokenizer:
    """Byte-level BPE: text to ids and back.

    Attributes:
        vocab: id to bytes, special tokens included.
        merges: pairs of tokens in order of rank.
        special_tokens: special token to id.
        pattern: name of the split pattern.
    """

    def __init__(
        self,
        vocab: Mapping[int, bytes],
        merges: Sequence[tuple[bytes, bytes]],
        special_tokens: Sequence[str] | None = None,
        *,
        pattern: str = "gpt2",
        impl: str = "auto",
    ) -> None:
        """Build from ids and merges, as `train_bpe` returns them.

        Args:
            vocab: id to bytes. Ids are kept as they are.
            merges: pairs of tokens in order of rank.
            special_tokens: matched before the pattern, longest first; those missing in `vocab` get the next ids.
            pattern: "gpt2", "gpt4", "o200k", or "regex:EXPRESSION".
            impl: an encoder of the registry, or "auto": pure Python until a text is large.

        Raises:
            UsageError: an argument is wrong.
        """
        ids = _ids_of(vocab)
        vocabulary = _vocabulary(ids, merges)
        self.vocab = {token_id: token for token, token_id in ids.items()}
        # What is a tuple stays the same object: making 50,000 anew is slow.
        self.merges = cast("list[tuple[bytes, bytes]]", list(map(tuple, merges)))
        self.pattern = pattern
        self.special_tokens: dict[str, int] = {}
        for special in check_special_tokens(special_tokens or []):
            token = special.encode()
            if token not in ids:
                ids[token] = max(self.vocab, default=-1) + 1
                if ids[token] > MAX_ID:
                    raise UsageError(f"special tokens: no id is left for {special!r} above {MAX_ID}")
                self.vocab[ids[token]] = token
            self.special_tokens[special] = ids[token]
        n_ids = 1 + max(self.vocab, default=0)
        self._vocabulary = replace(vocabulary, n_ids=n_ids, special_tokens=self.special_tokens)
        self._splitter = Splitter(pattern, list(self.special_tokens))
        self._impl = impl
        self._auto, self._settled_bytes, self._seen_bytes = "", -1.0, 0
        self._encoders: dict[tuple[str, bool], Encoder] = {}
        self._integers: NDArray[np.object_] | None = None
        if impl != "auto":
            self._encoder(impl)

    @classmethod
    def from_files(
        cls,
        vocab_filepath: str | os.PathLike[str],
        merges_filepath: str | os.PathLike[str],
        special_tokens: Sequence[str] | None = None,
        *,
        pattern: str = "gpt2",
        impl: str = "auto",
    ) -> Tokenizer:
        """Build from `vocab.json` and `merges.txt` in GPT-2's byte alphabet.

        Raises:
            FileFormatError: a file is missing or damaged.
            UsageError: the two do not fit together, or an argument is wrong.
        """
        specials = check_special_tokens(special_tokens or [])
        vocab = read_vocab(vocab_filepath, specials)
        return cls(vocab, read_merges(merges_filepath), specials, pattern=pattern, impl=impl)

    @classmethod
    def load(cls, folder: str | os.PathLike[str], *, impl: str = "auto") -> Tokenizer:
        """Build from a folder written by `save`.

        Raises:
            FileFormatError: a file is missing or damaged, or they do not belong together.
        """
        if impl != "auto":
            find("encode", impl)
        files = read_files(folder)
        try:
            return cls(files.vocab, files.merges, files.special_tokens, pattern=files.pattern, impl=impl)
        except UsageError as error:
            raise FileFormatError(f"{folder}: {error}") from None

    def save(self, folder: str | os.PathLike[str]) -> None:
        """Write `vocab.json`, `merges.txt` and `mergelab.json` to a folder.

        Raises:
            FileFormatError: the folder cannot be made or written.
        """
        write_files(folder, self._files())

    def fingerprint(self) -> str:
        """Return the sha256, as hex, of ids, tokens, merges, special tokens and pattern."""
        return self._files().digest()

    def _files(self) -> TokenizerFiles:
        return TokenizerFiles(self.vocab, self.merges, list(self.special_tokens), self.pattern)

    def _encoder(self, name: str, special: bool = True) -> Encoder:
        if (name, special) not in self._encoders:
            vocabulary = self._vocabulary if special else replace(self._vocabulary, special_tokens={})
            self._encoders[name, special] = find("encode", name).load()(vocabulary, self.pattern)
        return self._encoders[name, special]

    def _encoder_name(self, n_bytes: int) -> str:
        if self._impl != "auto":
            return self._impl
        if n_bytes > self._settled_bytes:
            chosen = pick("encode", n_bytes, self.pattern)
            # Asked again for twice as much; once compiled code is at hand, there is no reason to do without it.
            self._auto, self._settled_bytes = chosen.name, inf if chosen.needs else 2 * n_bytes
        return self._auto

    def _encoder_for(self, n_bytes: int, special: SpecialMode) -> Encoder:
        self._seen_bytes += n_bytes  # Many small texts are worth compiled code as well as a large one.
        return self._encoder(self._encoder_name(self._seen_bytes), special != "none")

    def encode(self, text: str | bytes, *, special: SpecialMode = "all", workers: int | None = None) -> list[int]:
        """Encode text to ids.

        Args:
            text: any text without lone surrogates; as bytes, UTF-8, which saves the conversion.
            special: what special tokens in the text become: "all", their ids; "none", ordinary text; "none_raise",
                an error.
            workers: threads for a text of several MB; all cores by default. Only a compiled encoder has a use for
                more than one.

        Raises:
            InvalidUtf8Error: bytes that are not UTF-8.
            UsageError: a special token with "none_raise", an unknown mode, a lone surrogate, or a byte that the
                vocabulary lacks.
        """
        return self._listed(self.encode_to_array(text, special=special, workers=workers))

    def _listed(self, ids: Ids) -> list[int]:
        """Return ids as a list; one integer an id of the vocabulary, not one a place, where that saves memory."""
        if len(ids) < self._vocabulary.n_ids:
            return cast("list[int]", ids.tolist())
        if self._integers is None:
            self._integers = np.arange(self._vocabulary.n_ids).astype(object)
        listed: list[int] = []
        for start in range(0, len(ids), LISTED_IDS):
            listed += self._integers[ids[start : start + LISTED_IDS]].tolist()
        return listed

    def encode_to_array(self, text: str | bytes, *, special: SpecialMode = "all", workers: int | None = None) -> Ids:
        """Encode text to ids, `id_dtype`[n]. See `encode`."""
        if workers is not None:
            check_workers(workers)
        content = self._checked(text, special)
        return self._encoder_for(len(content), special).encode(content, workers=workers)

    def encode_batch(
        self, texts: Iterable[str | bytes], *, special: SpecialMode = "all", workers: int | None = None
    ) -> list[list[int]]:
        """Encode each of many texts by itself. See `encode`."""
        if isinstance(texts, str | bytes):
            raise UsageError(f"texts: {texts[:40]!r} is one string; give several, or call encode")
        check_workers(workers)
        contents = [self._checked(text, special) for text in texts]
        encoder = self._encoder_for(sum(map(len, contents)), special)
        return [ids.tolist() for ids in encoder.encode_batch(contents, workers=workers)]

    def _checked(self, text: str | bytes, special: SpecialMode) -> bytes:
        if not isinstance(text, str | bytes):
            raise UsageError(f"text: {type(text).__name__} is neither a string nor bytes")
        if special not in ("all", "none", "none_raise"):
            raise UsageError(f"special: unknown mode {special!r}; there are all, none, none_raise")
        if special == "none_raise":
            text = text if isinstance(text, str) else decode_utf8(text, "text")
            if len(segments := self._splitter.segments(text)) > 1:
                raise UsageError(
                    f"text: holds the special token {segments[1]!r}; encode with special='all' or 'none'"
                )
        return text if isinstance(text, bytes) else _utf8(text)

    def encode_iterable(self, iterable: Iterable[str]) -> Iterator[int]:
        """Encode a stream of strings lazily, in constant memory; the ids are those of the joined text.

        Where the text offers no safe cut (see `corpus.SafeCuts`: as a rule, the end of a word), it is gathered until
        one comes.

        Raises:
            UsageError: see `encode`.
        """
        # Small pieces: never worth loading compiled code, for which there may be no room.
        encoder = self._encoder(self._encoder_name(STREAM_CHARACTERS))
        cuts = SafeCuts(self.pattern, list(self.special_tokens))
        parts: list[str] = []
        size, wanted = 0, STREAM_CHARACTERS
        for part in iterable:
            parts.append(part)
            size += len(part)
            if size < wanted:
                continue
            text = "".join(parts)
            place = cuts.last_in(text)
            if place is None:  # Look again when there is twice as much.
                parts, wanted = [text], 2 * size
                continue
            yield from encoder.encode(_utf8(text[:place])).tolist()
            parts, size, wanted = [text[place:]], size - place, STREAM_CHARACTERS
        yield from encoder.encode(_utf8("".join(parts))).tolist()

    def encode_file(
        self,
        input_path: str | os.PathLike[str],
        output_path: str | os.PathLike[str],
        *,
        errors: Literal["strict", "replace"] = "strict",
        workers: int | None = None,
    ) -> int:
        """Encode a text file to a file of bare ids in `id_dtype`, in constant memory; returns how many.

        `workers`: threads, all cores by default. Only a compiled encoder has a use for more than one.

        Raises:
            FileFormatError: the input is missing, empty, not UTF-8 or has a byte that the vocabulary lacks, or the
                output cannot be written.
        """
        corpus = Corpus.open(input_path, errors)
        name = self._encoder_name(corpus.n_bytes)
        # Threads only help an encoder that works without the interpreter lock.
        workers = check_workers(workers) if find("encode", name).needs == "numba" else 1
        job = partial(self._encode_range, corpus=corpus, encoder=self._encoder(name))
        n_ids = 0
        with atomic_writer(output_path) as output:
            for ids in in_order(job, corpus.ranges(self.pattern, list(self.special_tokens)), workers):
                output.write(ids.data)
                n_ids += len(ids)
        return n_ids

    @staticmethod
    def _encode_range(byte_range: tuple[int, int], corpus: Corpus, encoder: Encoder) -> Ids:
        start = byte_range[0]
        text = corpus.read(*byte_range)
        if corpus.errors == "replace":
            text = text.decode(errors="replace").encode()
        try:
            return encoder.encode(text, workers=1)
        except InvalidUtf8Error as error:
            raise InvalidUtf8Error(str(corpus.path), start + error.offset) from None
        except UsageError as error:
            raise FileFormatError(f"{corpus.path}: {error}") from None

    @property
    def id_dtype(self) -> IdType:
        """Type of ids in arrays and on disk, little-endian: uint16 where every id fits, else uint32."""
        return self._vocabulary.id_dtype

    def read_ids(self, path: str | os.PathLike[str]) -> Ids:
        """Map a file of bare ids, uint16[n] or uint32[n], read-only. It must not shrink while it is mapped.

        Raises:
            FileFormatError: missing, empty, or not a whole number of ids.
        """
        return cast("NDArray[np.uint16]", np.memmap(self._open_ids(path).path, self.id_dtype, "r"))

    def decode(self, ids: Iterable[int]) -> str:
        """Decode ids to text; bytes that are not UTF-8 become U+FFFD.

        Raises:
            UsageError: an id that the vocabulary lacks; the message has its place.
        """
        return self.decode_bytes(ids).decode("utf-8", errors="replace")

    def decode_bytes(self, ids: Iterable[int]) -> bytes:
        """Decode ids to the bytes that they stand for. See `decode`."""
        listed = ids.tolist() if isinstance(ids, np.ndarray) else list(ids)
        # The vocabulary would find 65.0 and True as well.
        if set(map(type, listed)) - {int}:
            listed = [int(token_id) if isinstance(token_id, np.integer) else token_id for token_id in listed]
            for place, token_id in enumerate(listed):
                if type(token_id) is not int:
                    raise self._unknown_id(token_id, place)
        return self._join(listed)

    def decode_file(self, path: str | os.PathLike[str]) -> Iterator[bytes]:
        """Decode a file of bare ids lazily, in constant memory: the bytes that they stand for, in parts.

        Raises:
            FileFormatError: see `read_ids`; or an id that the vocabulary lacks.
        """
        corpus, dtype = self._open_ids(path), self.id_dtype
        size = dtype.itemsize
        # Read, not mapped: a mapped file that shrinks kills the process.
        for start in range(0, corpus.n_bytes, DECODE_IDS * size):
            block = corpus.read(start, min(start + DECODE_IDS * size, corpus.n_bytes))
            try:
                yield self._join(np.frombuffer(block, dtype).tolist(), start // size)
            except UsageError as error:
                raise FileFormatError(f"{path}: {error}") from None

    def _open_ids(self, path: str | os.PathLike[str]) -> Corpus:
        corpus = Corpus.open(path)
        if corpus.n_bytes % self.id_dtype.itemsize:
            raise FileFormatError(f"{path}: {corpus.n_bytes} bytes are not a whole number of {self.id_dtype} ids")
        return corpus

    def _join(self, ids: list[int], first: int = 0) -> bytes:
        try:
            return b"".join(map(self.vocab.__getitem__, ids))
        except KeyError:
            place = next(place for place, token_id in enumerate(ids) if token_id not in self.vocab)
            raise self._unknown_id(ids[place], first + place) from None

    def _unknown_id(self, token_id: object, place: int) -> UsageError:
        return UsageError(
            f"ids: {token_id!r} at place {place} is not an id of this vocabulary of {len(self.vocab)} tokens"
        )


def _utf8(text: str) -> bytes:
    try:
        return text.encode()
    except UnicodeEncodeError as error:
        raise UsageError(
            f"text: lone surrogate {text[error.start]!r} at character {error.start}; it has no UTF-8 form"
        ) from None
