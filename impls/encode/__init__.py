"""Encoders: built from a vocabulary; text in, ids out; one module per implementation.

`PretokenEncoder` is the base of the pure Python encoders: it splits the text with `regex`. A class derived from it
only says how to merge a single pretoken.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence

import numpy as np

from impls.contract import Array64, Ids, IdType, Vocabulary
from impls.errors import MissingByteError
from impls.inputs.text import decode_utf8
from impls.patterns import Splitter


class PretokenEncoder(ABC):
    """Encodes text one pretoken after the other."""

    def __init__(self, vocabulary: Vocabulary, pattern: str) -> None:
        """Build the tables. See `contract.Encoder`."""
        self._splitter = Splitter(pattern, list(vocabulary.special_tokens))
        self._dtype = vocabulary.id_dtype
        self._special_ids = vocabulary.special_tokens
        self._byte_ids: list[int] = vocabulary.byte_ids.tolist()
        self._ranks = vocabulary.ranks()

    def encode(self, text: bytes, *, workers: int | None = None) -> Ids:  # noqa: ARG002
        """Encode UTF-8 text. See `contract.Encoder`."""
        ids: list[int] = []
        for index, segment in enumerate(self._splitter.segments(decode_utf8(text, "text"))):
            if index % 2:
                ids.append(self._special_ids[segment])
            else:
                self.encode_segment(segment, ids)
        return np.array(ids, self._dtype)

    def encode_batch(self, texts: Sequence[bytes], *, workers: int | None = None) -> tuple[Ids, Array64]:
        """Encode many texts. See `contract.Encoder`."""
        return flat([self.encode(text, workers=workers) for text in texts], self._dtype)

    def encode_segment(self, segment: str, ids: list[int]) -> None:
        """Append the ids of text without special tokens."""
        for pretoken in self._splitter.pretokens(segment):
            ids += self.encode_pretoken(pretoken.encode())

    @abstractmethod
    def encode_pretoken(self, pretoken: bytes) -> list[int]:
        """Merge the bytes of one pretoken, the pair of lowest rank first, and its occurrences from left to right.

        Return the ids that are left, as a list.
        """

    def first_ids(self, pretoken: bytes) -> list[int]:
        """Return a list with the id of each byte of a pretoken.

        Raises:
            MissingByteError: the vocabulary lacks one of the bytes.
        """
        ids = [self._byte_ids[byte] for byte in pretoken]
        if -1 in ids:
            raise missing_byte(pretoken[ids.index(-1)])
        return ids


def flat(parts: Sequence[Ids], dtype: IdType) -> tuple[Ids, Array64]:
    """Return the ids of all parts in one array, and the offsets of the parts, int64[n + 1]."""
    offsets = np.zeros(len(parts) + 1, np.int64)
    np.cumsum([len(part) for part in parts], out=offsets[1:])
    return np.concatenate([np.empty(0, dtype), *parts]), offsets


def missing_byte(byte: int) -> MissingByteError:
    """Return the error for a text with a byte that has no token."""
    return MissingByteError(f"text: the vocabulary has no token for byte 0x{byte:02x}; use a vocabulary that has one")
