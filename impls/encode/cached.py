"""Merge each distinct pretoken once and look it up afterwards. Unlike `heap`, it only looks repeats up.

A repeat is a pretoken that the encoder has seen before. In ordinary text, 99 of 100 pretokens are repeats. The cache
holds only results of merging. The cache must not be filled in advance with the tokens of the vocabulary and their
ids, since merges cannot make some of these tokens.
"""

from __future__ import annotations

from impls.contract import Vocabulary
from impls.encode.heap import HeapEncoder

CACHE_ENTRIES = 1 << 16
"""The cache is emptied when it has this many entries, so that its memory stays bounded."""


class CachedEncoder(HeapEncoder):
    """Looks up pretokens that were merged before."""

    def __init__(self, vocabulary: Vocabulary, pattern: str) -> None:
        """Start with an empty cache. See `contract.Encoder`."""
        super().__init__(vocabulary, pattern)
        self._cache: dict[str, list[int]] = {}

    def encode_segment(self, segment: str, ids: list[int]) -> None:
        """Append the ids of text without special tokens."""
        cache = self._cache
        for pretoken in self._splitter.pretokens(segment):
            known = cache.get(pretoken)
            if known is None:
                known = self._remember(pretoken)
            ids += known

    def _remember(self, pretoken: str) -> list[int]:
        ids = self.encode_pretoken(pretoken.encode())
        try:
            if len(self._cache) >= CACHE_ENTRIES:
                self._cache.clear()
            self._cache[pretoken] = ids
        except MemoryError:  # The cache is the only memory that can be given back.
            self._cache.clear()
        return ids
