"""The contract: the flat arrays that stages hand to each other, the three protocols, and the tie-breaks.

A counter turns a text into `Pretokens`, a trainer turns `Pretokens` into `Merges`, an encoder is built from a
`Vocabulary` and turns text into ids. Tests compare counters by their `Pretokens` as mappings, trainers by their
`Merges`, and encoders by their ids: all must be equal.
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
    """Return the rank of each byte in Hugging Face's BpeTrainer: int32[256], a permutation of 0..255.

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
        offsets: int64[n + 1], pretoken i is `bytes_[offsets[i]:offsets[i + 1]]`, never empty.
        counts: int64[n], occurrences of each pretoken, at least 1.
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
        """Compare as mappings: the order of the pretokens does not matter."""
        return isinstance(other, Pretokens) and self.to_mapping() == other.to_mapping()

    __hash__ = None  # type: ignore[assignment]

    @classmethod
    def added(cls, parts: Iterable[Pretokens]) -> Pretokens:
        """Add up the counts of the parts of a text, which may come in any order.

        If a text is cut where `Text.ranges` cuts it, the counts of its parts add up to the counts of the whole.
        """
        total: dict[bytes, int] = {}
        for part in parts:
            for pretoken, count in part.to_mapping().items():
                total[pretoken] = total.get(pretoken, 0) + count
        return cls.from_mapping(total)

    def digest(self) -> str:
        """Return the sha256, as hex, of the mapping, whatever its order."""
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
        """Return the bytes of every token by id: 256 single bytes, then one token per merge."""
        tokens = [bytes([byte]) for byte in range(N_BYTES)]
        for left, right in zip(self.left.tolist(), self.right.tolist(), strict=True):
            tokens.append(tokens[left] + tokens[right])
        return tokens

    def digest(self) -> str:
        """Return the sha256, as hex, of the merges in order."""
        return hashlib.sha256(np.stack([self.left, self.right]).astype("<i4").tobytes()).hexdigest()


@dataclass(frozen=True, eq=False)
class Vocabulary:
    """The arrays that an encoder is built from.

    Ids need not be 256 + rank: an imported vocabulary keeps its own ids.

    Attributes:
        byte_ids: int32[256], the id of each single byte, -1 where the vocabulary lacks it.
        left: int32[m], id of the left operand of each merge, in order of rank.
        right: int32[m], id of the right operand.
        merged: int32[m], id of the result. No merge uses a token that a later merge makes.
        n_ids: the ids of bytes and merges are below it.
        special_tokens: id of each special token; it may be `n_ids` or above.
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
    """One merge, as a trainer reports it while it runs.

    Attributes:
        index: how many merges were made before.
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


class Counter(Protocol):
    """A text in, its unique pretokens with counts out; special tokens separate texts and are not counted."""

    def __call__(self, text: Text, *, pattern: str, special_tokens: Sequence[str], workers: int) -> Pretokens:
        """Count with up to `workers` processes or threads; if `text` is a part of a file, only the part is counted.

        Raises:
            InvalidUtf8Error: the text is not UTF-8 and its `errors` is "strict".
            FileFormatError: the file changed while it was read.
        """


class Trainer(Protocol):
    """Unique pretokens in, merges out."""

    def __call__(
        self,
        pretokens: Pretokens,
        *,
        n_merges: int,
        tie_break: TieBreak = "greatest",
        on_merge: MergeListener | None = None,
    ) -> Merges:
        """Learn up to `n_merges` merges; fewer if no pair is left with a count of at least 1.

        Each step merges the pair with the highest count, left to right without overlap. Overlapping occurrences are
        all counted: `aaa` holds `aa` twice. Of several pairs with the highest count, the tie-break "greatest" takes
        the greatest `(left_bytes, right_bytes)`, as Python compares tuples of bytes; "huggingface" takes the smallest
        pair of ids, as HF's BpeTrainer numbers them. `on_merge` is called with each merge as it is made.
        """


@runtime_checkable
class Encoder(Protocol):
    """Text in, ids out; built once from a vocabulary."""

    def __init__(self, vocabulary: Vocabulary, pattern: str) -> None:
        """Build the tables; benchmarks time this apart from encoding."""

    def encode(self, text: bytes, *, workers: int | None = None) -> Ids:
        """Encode UTF-8 text to ids, `vocabulary.id_dtype`[n].

        The special tokens of the vocabulary are matched first; where several match, the longest wins. `workers`:
        threads, all cores by default; only a compiled encoder uses more than one.

        Raises:
            InvalidUtf8Error: the text is not UTF-8.
            UsageError: the text holds a byte that the vocabulary lacks.
        """

    def encode_batch(self, texts: Sequence[bytes], *, workers: int | None = None) -> list[Ids]:
        """Encode each of many texts by itself. See `encode`."""
