"""Compiled: scan, probe, and merge what is new in one pass; over `cached` and `heap`, no Python object a pretoken.

This side owns the arrays: the ranks, the cache with its bounds, and the output. Patterns without a compiled scan
are encoded by `cached`.
"""

from __future__ import annotations

import threading

import numpy as np

from impls.contract import Array8, Array32, Vocabulary
from impls.count.jit import COMPILED_PATTERNS
from impls.encode import missing_byte
from impls.encode.cached import CachedEncoder
from impls.errors import InvalidUtf8Error
from impls.kernels.classes import load_classes
from impls.kernels.encode import (
    DETAIL,
    DONE,
    ENTRIES,
    IDS_USED,
    NO_TOKEN,
    NOT_UTF8,
    OUTPUT_FULL,
    POOL_USED,
    POSITION,
    SCRATCH_SMALL,
    WRITTEN,
    Cache,
    Ranks,
    encode_text,
    fill_ranks,
)
from impls.kernels.keys import WORDS, rehash

MAX_ENTRIES = 1 << 20
"""Entries of the cache's table, 32 bytes each, before it starts again."""

MAX_POOL = 1 << 24
"""Bytes of long pretokens, and ids, before the cache starts again."""

MAX_OUTPUT = 1 << 18
"""Ids a call of the kernel."""


def pack_ranks(vocabulary: Vocabulary) -> Ranks:
    """Return the merges as a hash table for the kernels."""
    size = 1 << max(4, (2 * len(vocabulary.left)).bit_length())
    table = np.zeros((size, 2), np.uint64)
    fill_ranks(vocabulary.left, vocabulary.right, vocabulary.merged, table)
    return Ranks(vocabulary.byte_ids, table)


def empty_cache(n_entries: int, pool_size: int, longest: int) -> Cache:
    """Return a cache of the given sizes."""
    return Cache(
        table=np.zeros((n_entries, WORDS), np.uint64),
        pool=np.empty(pool_size, np.uint8),
        ids=np.empty(pool_size, np.int32),
        symbols=np.empty((3, longest), np.int32),
        heap=np.empty((2, 3 * longest), np.int64),
        numbers=np.zeros(6, np.int64),
    )


class JitEncoder:
    """Encodes in compiled code; calls from several threads take turns."""

    def __init__(self, vocabulary: Vocabulary, pattern: str) -> None:
        """Build the rank table. See `contract.Encoder`."""
        self._fallback = None if pattern in COMPILED_PATTERNS else CachedEncoder(vocabulary, pattern)
        self._classes = load_classes()
        self._ranks = pack_ranks(vocabulary)
        self._cache = empty_cache(1 << 12, 1 << 14, 1 << 8)
        self._output = np.empty(1 << 12, np.int32)
        self._lock = threading.Lock()

    def encode(self, text: Array8) -> Array32:
        """Encode UTF-8 text without special tokens. See `contract.Encoder`."""
        if self._fallback:
            return self._fallback.encode(text)
        with self._lock:
            return self._encode(text)

    def _encode(self, text: Array8) -> Array32:
        parts = []
        self._cache.numbers[POSITION] = 0
        while True:
            status = encode_text(text, self._classes, self._ranks, self._cache, self._output)
            parts.append(self._output[: self._cache.numbers[WRITTEN]].copy())
            if status == DONE:
                return parts[0] if len(parts) == 1 else np.concatenate(parts)
            self._make_room(status, int(self._cache.numbers[DETAIL]))

    def _make_room(self, status: int, detail: int) -> None:
        if status == NOT_UTF8:
            raise InvalidUtf8Error("text", detail)
        if status == NO_TOKEN:
            raise missing_byte(detail)
        if status == OUTPUT_FULL:
            size = max(detail, min(MAX_OUTPUT, 8 * len(self._output)))
            self._output = np.empty(size, np.int32)
        elif status == SCRATCH_SMALL:
            self._cache = self._cache._replace(
                symbols=np.empty((3, 2 * detail), np.int32), heap=np.empty((2, 6 * detail), np.int64)
            )
        else:
            self._cache = self._grown_cache(detail)

    def _grown_cache(self, length: int) -> Cache:
        old, numbers = self._cache, self._cache.numbers
        if len(old.table) >= MAX_ENTRIES or len(old.pool) >= MAX_POOL:
            numbers[[ENTRIES, POOL_USED, IDS_USED]] = 0
            old.table[:] = 0
            if len(old.pool) >= length:
                return old
        table = np.zeros((4 * len(old.table), WORDS), np.uint64)
        rehash(old.table, table)
        size = 4 * max(len(old.pool), length)
        pool, ids = np.empty(size, np.uint8), np.empty(size, np.int32)
        pool[: numbers[POOL_USED]] = old.pool[: numbers[POOL_USED]]
        ids[: numbers[IDS_USED]] = old.ids[: numbers[IDS_USED]]
        return old._replace(table=table, pool=pool, ids=ids)
