"""The contract: the flat arrays that stages hand to each other, the three protocols, and the law of ties.

A counter turns a text into `Pretokens`, a trainer turns `Pretokens` into `Merges`, an encoder is built from a
`Vocabulary` and turns text into ids. Equality of `Merges` is the test of a trainer, equality of ids that of an
encoder, equality of `Pretokens` as a mapping that of a counter.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
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
    """Rank of each byte in the alphabet of HF's BpeTrainer: int32[256], a permutation of 0..255.

    There a byte is a character of GPT-2's byte alphabet and the alphabet is sorted by code point, so the printable
    bytes come first.
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
        offsets: int64[n + 1], pretoken i is `bytes_[offsets[i]:offsets[i + 1]]`, never empty.
        counts: int64[n], occurrences of each, at least 1.
    """

    bytes_: Array8
    offsets: Array64
    counts: Array64

    @classmethod
    def from_mapping(cls, counts: Mapping[bytes, int]) -> Pretokens:
        """Pack a mapping from pretoken to count."""
        lengths = np.fromiter((len(pretoken) for pretoken in counts), np.int64, len(counts))
        return cls(
            np.frombuffer(b"".join(counts), np.uint8),
            np.concatenate([np.zeros(1, np.int64), np.cumsum(lengths)]),
            np.fromiter(counts.values(), np.int64, len(counts)),
        )

    def to_mapping(self) -> dict[bytes, int]:
        """Unpack into a mapping from pretoken to count."""
        data, offsets = self.bytes_.tobytes(), self.offsets.tolist()
        spans = zip(offsets[:-1], offsets[1:], self.counts.tolist(), strict=True)
        return {data[start:stop]: count for start, stop, count in spans}

    def __len__(self) -> int:
        """Return the number of unique pretokens."""
        return len(self.counts)

    def __eq__(self, other: object) -> bool:
        """Compare as mappings: the order of the pretokens does not count."""
        return isinstance(other, Pretokens) and self.to_mapping() == other.to_mapping()

    __hash__ = None  # type: ignore[assignment]

    @classmethod
    def added(cls, parts: Iterable[Pretokens]) -> Pretokens:
        """Add up the counts of parts of a text. The order of the parts does not count.

        Cut a text where `Text.ranges` cuts it, count each part, add them: the result is that of the whole text.
        """
        total: dict[bytes, int] = {}
        for part in parts:
            for pretoken, count in part.to_mapping().items():
                total[pretoken] = total.get(pretoken, 0) + count
        return cls.from_mapping(total)

    def digest(self) -> str:
        """Hash the mapping, whatever the order: sha256 as hex."""
        digest = hashlib.sha256()
        for pretoken, count in sorted(self.to_mapping().items()):
            digest.update(len(pretoken).to_bytes(8, "little") + pretoken + count.to_bytes(8, "little"))
        return digest.hexdigest()


@dataclass(frozen=True, eq=False)
class Merges:
    """Merges in order of creation: merge i joins ids `left[i]`, `right[i]` into id 256 + i.

    Attributes:
        left: int32[m], ids below 256 + i.
        right: int32[m], ids below 256 + i.
    """

    left: Array32
    right: Array32

    @classmethod
    def from_pairs(cls, pairs: Iterable[tuple[int, int]]) -> Merges:
        """Pack pairs of ids."""
        array = np.array(list(pairs), np.int32).reshape(-1, 2)
        return cls(np.ascontiguousarray(array[:, 0]), np.ascontiguousarray(array[:, 1]))

    def __len__(self) -> int:
        """Return the number of merges."""
        return len(self.left)

    def __eq__(self, other: object) -> bool:
        """Compare merge by merge."""
        return (
            isinstance(other, Merges)
            and np.array_equal(self.left, other.left)
            and np.array_equal(self.right, other.right)
        )

    __hash__ = None  # type: ignore[assignment]

    def token_bytes(self) -> list[bytes]:
        """Bytes of every token by id: 256 single bytes, then one token a merge."""
        tokens = [bytes([byte]) for byte in range(N_BYTES)]
        for left, right in zip(self.left.tolist(), self.right.tolist(), strict=True):
            tokens.append(tokens[left] + tokens[right])
        return tokens

    def digest(self) -> str:
        """Hash the merges in order: sha256 as hex."""
        return hashlib.sha256(np.stack([self.left, self.right]).astype("<i4").tobytes()).hexdigest()


@dataclass(frozen=True, eq=False)
class Vocabulary:
    """What an encoder is built from. Ids need not be 256 + rank: imported vocabularies keep their own.

    Attributes:
        byte_ids: int32[256], the id of each single byte, -1 where the vocabulary lacks it.
        left: int32[m], id of the left operand of each merge, in order of rank.
        right: int32[m], id of the right operand.
        merged: int32[m], id of the result. A merge only uses tokens that earlier merges made.
        n_ids: all ids are below it.
        special_tokens: id of each special token, which may be beyond.
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
        """Type of the ids that encoders return, little-endian: uint16 where every id fits, else uint32."""
        n_ids = max(self.n_ids, 1 + max(self.special_tokens.values(), default=0))
        return np.dtype("<u2") if n_ids <= 1 << 16 else np.dtype("<u4")

    def ranks(self) -> dict[tuple[int, int], tuple[int, int]]:
        """Map a pair of ids to the rank of its merge and the id that the merge makes."""
        rows = zip(self.left.tolist(), self.right.tolist(), self.merged.tolist(), strict=True)
        return {(left, right): (rank, merged) for rank, (left, right, merged) in enumerate(rows)}


@dataclass(frozen=True)
class MergeEvent:
    """One line of a trainer's verbose stream."""

    index: int
    pair: tuple[int, int]
    new_id: int
    token: bytes
    count: int
    seconds: float


MergeListener = Callable[[MergeEvent], None]


class Counter(Protocol):
    """A text in, its unique pretokens with counts out. Special tokens separate texts and are not counted."""

    def __call__(self, text: Text, *, pattern: str, special_tokens: Sequence[str], workers: int) -> Pretokens:
        """Count with up to `workers` processes or threads. Of a part of a file, only the part is counted.

        Raises:
            InvalidUtf8Error: the text is not UTF-8 and its `errors` is "strict".
            FileFormatError: the file changed while it was read.
        """


class Trainer(Protocol):
    """Unique pretokens in, merges out, by the law of ties."""

    def __call__(
        self,
        pretokens: Pretokens,
        *,
        n_merges: int,
        tie_break: TieBreak = "greatest",
        on_merge: MergeListener | None = None,
    ) -> Merges:
        """Learn up to `n_merges` merges; fewer when no pair is left with a count of at least 1.

        The pair with the highest count is merged, left to right without overlap; overlapping occurrences (`aaa`
        holds `aa` twice) both count. Ties go, with "greatest", to the greatest `(left_bytes, right_bytes)` as Python
        compares tuples of bytes; with "huggingface", to the smallest pair of ids of HF's BpeTrainer.
        `on_merge` hears of each merge as it is made.
        """


@runtime_checkable
class Encoder(Protocol):
    """Text in, ids out; built once from a vocabulary."""

    def __init__(self, vocabulary: Vocabulary, pattern: str) -> None:
        """Build the tables; timed apart from encoding."""

    def encode(self, text: bytes, *, workers: int | None = None) -> Ids:
        """Encode UTF-8 text to ids, `vocabulary.id_dtype`[n].

        The special tokens of the vocabulary are matched first, the longest where they overlap. Only compiled
        encoders have a use for `workers`, threads: all cores by default.

        Raises:
            InvalidUtf8Error: the text is not UTF-8.
            UsageError: the text holds a byte that the vocabulary lacks.
        """

    def encode_batch(self, texts: Sequence[bytes], *, workers: int | None = None) -> list[Ids]:
        """Encode each of many texts by itself. See `encode`."""
