"""The contract: the flat arrays that stages hand to each other, the three protocols, and the tie-breaks.

A counter turns a text into `Pretokens`. A trainer turns `Pretokens` into `Merges`. An encoder is built from a
`Vocabulary` and turns a text into ids. In tests, all counters must give equal `Pretokens`, in any order. All trainers
must give equal `Merges`, and all encoders equal ids.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any, Literal, Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from impls.inputs.text import Text

N_BYTES = 256
"""Bytes 0..255 are ids 0..255; merge i makes id 256 + i."""

TieBreak = Literal["greatest", "huggingface"]
TIE_BREAKS: tuple[TieBreak, ...] = ("greatest", "huggingface")

Array8 = NDArray[np.uint8]
Array32 = NDArray[np.int32]
Array64 = NDArray[np.int64]

Ids = NDArray[np.unsignedinteger[Any]]
IdType = np.dtype[np.unsignedinteger[Any]]


def huggingface_byte_order() -> Array32:
    """Return int32[256], a permutation of 0..255: the rank of each byte in Hugging Face's BpeTrainer.

    BpeTrainer writes each byte as a character of GPT-2's byte alphabet and sorts the characters by code point, so the
    printable bytes come first.
    """
    printable = [*range(0x21, 0x7F), *range(0xA1, 0xAD), *range(0xAE, 0x100)]
    rest = [byte for byte in range(N_BYTES) if byte not in set(printable)]
    order = np.empty(N_BYTES, np.int32)
    order[printable + rest] = np.arange(N_BYTES, dtype=np.int32)
    return order


@dataclass(frozen=True, eq=False)
class Pretokens:
    """Unique pretokens with counts, in any order.

    Attributes:
        bytes_: uint8[total], the pretokens one after the other.
        offsets: int64[n + 1]; pretoken i is `bytes_[offsets[i]:offsets[i + 1]]`, and no pretoken is empty.
        counts: int64[n], how often each pretoken occurs in the text, at least 1.
    """

    bytes_: Array8
    offsets: Array64
    counts: Array64

    @classmethod
    def from_mapping(cls, counts: Mapping[bytes, int]) -> Pretokens:
        """Make the arrays from a mapping: pretoken -> count."""
        lengths = np.fromiter((len(pretoken) for pretoken in counts), np.int64, len(counts))
        return cls(
            np.frombuffer(b"".join(counts), np.uint8),
            np.concatenate([np.zeros(1, np.int64), np.cumsum(lengths)]),
            np.fromiter(counts.values(), np.int64, len(counts)),
        )

    def to_mapping(self) -> dict[bytes, int]:
        """Return the counts as a dict: pretoken -> count."""
        data, offsets = self.bytes_.tobytes(), self.offsets.tolist()
        spans = zip(offsets[:-1], offsets[1:], self.counts.tolist(), strict=True)
        return {data[start:stop]: count for start, stop, count in spans}

    def __len__(self) -> int:
        """Return the number of unique pretokens."""
        return len(self.counts)

    def __eq__(self, other: object) -> bool:
        """Tell whether both have the same counts; the order of the pretokens does not matter."""
        return isinstance(other, Pretokens) and self.to_mapping() == other.to_mapping()

    __hash__ = None  # type: ignore[assignment]

    @classmethod
    def added(cls, parts: Iterable[Pretokens]) -> Pretokens:
        """Return the sum of the counts of several parts of a text; the parts may come in any order.

        If a text is cut at the places where `Text.ranges` cuts, the sum of the counts of all parts is the count of
        the whole text.
        """
        total: dict[bytes, int] = {}
        for part in parts:
            for pretoken, count in part.to_mapping().items():
                total[pretoken] = total.get(pretoken, 0) + count
        return cls.from_mapping(total)

    def digest(self) -> str:
        """Return the SHA-256, as hex, of pretokens and counts; the order of the pretokens does not matter."""
        digest = hashlib.sha256()
        for pretoken, count in sorted(self.to_mapping().items()):
            digest.update(len(pretoken).to_bytes(8, "little") + pretoken + count.to_bytes(8, "little"))
        return digest.hexdigest()


@dataclass(frozen=True, eq=False)
class Merges:
    """Merges in order of creation: merge i joins ids `left[i]`, `right[i]` into id 256 + i.

    If a trainer goes on from a `Start` with t tokens, merge i makes id t + i instead.

    Attributes:
        left: int32[m], the left id of each pair; the left id of merge i is below the id that merge i makes.
        right: int32[m], the right id of each pair; the right id of merge i is below the id that merge i makes.
    """

    left: Array32
    right: Array32

    @classmethod
    def from_pairs(cls, pairs: Iterable[tuple[int, int]]) -> Merges:
        """Make the arrays from pairs of ids."""
        array = np.array(list(pairs), np.int32).reshape(-1, 2)
        return cls(np.ascontiguousarray(array[:, 0]), np.ascontiguousarray(array[:, 1]))

    def __len__(self) -> int:
        """Return the number of merges."""
        return len(self.left)

    def __eq__(self, other: object) -> bool:
        """Tell whether both have the same merges in the same order."""
        return (
            isinstance(other, Merges)
            and np.array_equal(self.left, other.left)
            and np.array_equal(self.right, other.right)
        )

    __hash__ = None  # type: ignore[assignment]

    def token_bytes(self) -> list[bytes]:
        """Return the bytes of all tokens in the order of their ids: 256 single bytes, then one token per merge."""
        tokens = [bytes([byte]) for byte in range(N_BYTES)]
        for left, right in zip(self.left.tolist(), self.right.tolist(), strict=True):
            tokens.append(tokens[left] + tokens[right])
        return tokens

    def digest(self) -> str:
        """Return the SHA-256, as hex, of the merges in their order."""
        return hashlib.sha256(np.stack([self.left, self.right]).astype("<i4").tobytes()).hexdigest()


@dataclass(frozen=True, eq=False)
class Vocabulary:
    """The arrays that an encoder is built from.

    The id of a merged token need not be 256 + rank, since a vocabulary from a file keeps its own ids.

    Attributes:
        byte_ids: int32[256], the id of each single byte, or -1 if the vocabulary lacks this byte.
        left: int32[m], id of the left token of each merge, in order of rank.
        right: int32[m], id of the right token of each merge.
        merged: int32[m], id of the token that each merge makes. No merge uses a token that a later merge makes.
        n_ids: a number above all ids of single bytes and of merged tokens.
        special_tokens: a mapping: special token -> id. These ids may be `n_ids` or above.
    """

    byte_ids: Array32
    left: Array32
    right: Array32
    merged: Array32
    n_ids: int
    special_tokens: Mapping[str, int] = field(default_factory=dict)

    @classmethod
    def from_merges(cls, merges: Merges) -> Vocabulary:
        """Number the tokens as a trainer does: byte b is id b, merge i makes id 256 + i."""
        first = np.arange(N_BYTES, dtype=np.int32)
        merged = np.arange(len(merges), dtype=np.int32) + np.int32(N_BYTES)
        return cls(first, merges.left, merges.right, merged, N_BYTES + len(merges))

    @property
    def id_dtype(self) -> IdType:
        """Type of the ids that encoders return, little-endian: uint16 if every id fits into 16 bits, else uint32."""
        n_ids = max(self.n_ids, 1 + max(self.special_tokens.values(), default=0))
        return np.dtype("<u2") if n_ids <= 1 << 16 else np.dtype("<u4")

    def ranks(self) -> dict[tuple[int, int], tuple[int, int]]:
        """Return the merges as a dict: pair of ids -> (rank of the merge, id of the token that the merge makes)."""
        rows = zip(self.left.tolist(), self.right.tolist(), self.merged.tolist(), strict=True)
        return {(left, right): (rank, merged) for rank, (left, right, merged) in enumerate(rows)}


@dataclass(frozen=True, eq=False)
class Start:
    """The tokens that a trainer goes on from, and the pretokens as sequences of these tokens.

    Attributes:
        tokens: the bytes of each token; token i has id i, and the first 256 tokens are the single bytes.
        ids: int32[total], the ids of all pretokens, one pretoken after the other, in the order of the `Pretokens`.
        offsets: int64[n + 1]; pretoken i is the sequence `ids[offsets[i]:offsets[i + 1]]`.
    """

    tokens: Sequence[bytes]
    ids: Array32
    offsets: Array64

    def sequences(self) -> list[list[int]]:
        """Return the ids of each pretoken as a list."""
        ids, offsets = self.ids.tolist(), self.offsets.tolist()
        return [ids[start:stop] for start, stop in pairwise(offsets)]


@dataclass(frozen=True)
class MergeEvent:
    """One merge, as a trainer reports it during training.

    Attributes:
        index: how many merges were made before this merge.
        pair: the ids that are merged.
        new_id: the id that the merge makes.
        token: the bytes of that id.
        count: occurrences of the pair.
        seconds: how long the merge took.
    """

    index: int
    pair: tuple[int, int]
    new_id: int
    token: bytes
    count: int
    seconds: float


MergeListener = Callable[[MergeEvent], None]
"""Called by trainers. If a listener has an attribute `every`, a compiled trainer calls it once per `every` merges."""

ShortText = Callable[[object], "list[int] | None"]
"""Takes a string; returns the list of its ids, or None if the text must be encoded in another way."""


class Counter(Protocol):
    """Turns a text into its unique pretokens with counts; special tokens separate texts and are not counted."""

    def __call__(self, text: Text, *, pattern: str, special_tokens: Sequence[str], workers: int) -> Pretokens:
        """Count with up to `workers` processes or threads; if `text` is a part of a file, count only this part.

        Raises:
            InvalidUtf8Error: the text is not UTF-8 and its `errors` is "strict".
            FileFormatError: the file changed while it was read.
        """


class Trainer(Protocol):
    """Turns unique pretokens with counts into merges."""

    def __call__(
        self,
        pretokens: Pretokens,
        *,
        n_merges: int,
        tie_break: TieBreak = "greatest",
        min_frequency: int = 1,
        max_token_bytes: int | None = None,
        start: Start | None = None,
        on_merge: MergeListener | None = None,
    ) -> Merges:
        """Learn `n_merges` merges, or fewer if training stops earlier.

        A pair may be merged if its count is at least `min_frequency` (1 or more) and its two tokens together have at
        most `max_token_bytes` bytes; None means any length. Both conditions are checked before ties are broken: a
        pair that may not be merged is passed over, even if its count is the highest. Training stops when no pair is
        left that may be merged. (Hugging Face's BpeTrainer has the same `min_frequency`; its `max_token_length` must
        be one more than `max_token_bytes`.)

        Each step takes the pair with the highest count of all pairs that may be merged, and merges it left to right
        without overlap. Overlapping occurrences are all counted: `aaa` holds `aa` twice. If several of these pairs
        have the highest count, the tie-break decides. "greatest" takes the greatest pair `(left_bytes, right_bytes)`,
        as Python compares tuples of bytes. "huggingface" takes the smallest pair of ids, with the ids that Hugging
        Face's BpeTrainer gives to the tokens.

        With `start`, each pretoken is at first the sequence of tokens that `start` gives, and new tokens get the ids
        after the tokens of `start`. Without `start`, each pretoken is at first the sequence of its bytes. `on_merge`
        is called after each merge.
        """


@runtime_checkable
class Encoder(Protocol):
    """Turns texts into ids; it is built once from a vocabulary."""

    def __init__(self, vocabulary: Vocabulary, pattern: str) -> None:
        """Build the tables; benchmarks do not count this time as encoding."""

    def encode(self, text: bytes, *, workers: int | None = None) -> Ids:
        """Encode UTF-8 text to an array of ids, `vocabulary.id_dtype`[n].

        The special tokens of the vocabulary are matched first; if several match at one place, the longest is taken.
        `workers` is the number of threads, by default one per core; only a compiled encoder uses more than one.

        Raises:
            InvalidUtf8Error: the text is not UTF-8.
            UsageError: the text holds a byte that the vocabulary lacks.
        """

    def encode_batch(self, texts: Sequence[bytes], *, workers: int | None = None) -> tuple[Ids, Array64]:
        """Encode each of n texts by itself; return all ids and the offsets, int64[n + 1]. See `encode`.

        The ids of text i are `ids[offsets[i]:offsets[i + 1]]`.
        """
