"""Compiled: scan, probe, and merge what is new in one pass; over `cached`, no Python object a pretoken.

A large text is encoded by several threads. This side owns the arrays: the ranks that all threads share, a cache a
thread with its bounds, and the output. Patterns without a compiled scan are encoded by `cached`.
"""

from __future__ import annotations

import os
from queue import Empty, SimpleQueue

import numpy as np

from impls.contract import Array8, Array32, Vocabulary
from impls.corpus import SafeCuts
from impls.count.jit import COMPILED_PATTERNS
from impls.encode import missing_byte
from impls.encode.cached import CachedEncoder
from impls.errors import InvalidUtf8Error
from impls.kernels.classes import load_classes
from impls.kernels.encode import (
    CACHED_BYTES,
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
from impls.kernels.keys import WORDS, new_batch, rehash
from impls.kernels.scan import Specials, pack_specials
from impls.parallel import in_order

MAX_ENTRIES = 1 << 20
"""Entries of a thread's table, 32 bytes each, before its cache starts again."""

MAX_OUTPUT = 1 << 18
"""Ids a call of the kernel."""

RANGE_BYTES = 1 << 21
"""A thread's part of a text; a text of one part is encoded by the calling thread."""


def pack_ranks(vocabulary: Vocabulary) -> Ranks:
    """Return the merges as a hash table for the kernels."""
    size = 1 << max(4, (2 * len(vocabulary.left)).bit_length())
    table = np.zeros((size, 2), np.uint64)
    fill_ranks(vocabulary.left, vocabulary.right, vocabulary.merged, table)
    return Ranks(vocabulary.byte_ids, table)


def scratch(longest: int) -> tuple[Array32, np.ndarray[tuple[int], np.dtype[np.int64]]]:
    """Return room to merge pretokens of up to `longest` bytes: symbols and heap of a `Cache`."""
    return np.empty((3, longest), np.int32), np.empty(2 * longest, np.int64)


class Worker:
    """What one thread works with: a cache that grows to a bound, and the output of a step."""

    def __init__(self, specials: Specials, ranks: Ranks) -> None:
        """Start small: most of the cost of a large table is the first touch of its pages."""
        self._classes, self._specials, self._ranks = load_classes(), specials, ranks
        symbols, heap = scratch(CACHED_BYTES)
        self._cache = Cache(
            table=np.zeros((1 << 12, WORDS), np.uint64),
            pool=np.empty(1 << 14, np.uint8),
            ids=np.empty(1 << 14, np.int32),
            symbols=symbols,
            heap=heap,
            numbers=np.zeros(6, np.int64),
        )
        self._output = np.empty(1 << 12, np.int32)
        self._batch = new_batch()

    def encode(self, text: Array8) -> Array32:
        """Encode a text. See `contract.Encoder`."""
        parts = []
        self._cache.numbers[POSITION] = 0
        while True:
            status = encode_text(
                text, self._classes, self._specials, self._ranks, self._batch, self._cache, self._output
            )
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
            if size > len(self._output):
                self._output = np.empty(size, np.int32)
        elif status == SCRATCH_SMALL:
            symbols, heap = scratch(detail)
            self._cache = self._cache._replace(symbols=symbols, heap=heap)
        elif len(self._cache.table) < MAX_ENTRIES:
            self._grow_cache()
        else:
            self._cache.table[:] = 0
            self._cache.numbers[[ENTRIES, POOL_USED, IDS_USED]] = 0

    def _grow_cache(self) -> None:
        old, used = self._cache, self._cache.numbers
        table = np.zeros((4 * len(old.table), WORDS), np.uint64)
        rehash(old.table, table)
        pool, ids = np.empty(4 * len(old.pool), np.uint8), np.empty(4 * len(old.ids), np.int32)
        pool[: used[POOL_USED]] = old.pool[: used[POOL_USED]]
        ids[: used[IDS_USED]] = old.ids[: used[IDS_USED]]
        self._cache = old._replace(table=table, pool=pool, ids=ids)


class JitEncoder:
    """Encodes in compiled code, from as many threads as call it and with threads of its own."""

    def __init__(self, vocabulary: Vocabulary, pattern: str) -> None:
        """Build the rank table. See `contract.Encoder`."""
        self._fallback: CachedEncoder | None = None
        if pattern not in COMPILED_PATTERNS:
            self._fallback = CachedEncoder(vocabulary, pattern)
            return
        self._cuts = SafeCuts(pattern, list(vocabulary.special_tokens))
        self._specials, self._ranks = pack_specials(vocabulary.special_tokens), pack_ranks(vocabulary)
        self._idle: SimpleQueue[Worker] = SimpleQueue()

    def encode(self, text: Array8) -> Array32:
        """Encode UTF-8 text. See `contract.Encoder`."""
        if self._fallback:
            return self._fallback.encode(text)
        if len(text) <= RANGE_BYTES:
            return self._encode_range(text, 0, len(text))
        ranges = self._cuts.ranges(lambda start, stop: text[start:stop].tobytes(), len(text), RANGE_BYTES)
        workers = len(os.sched_getaffinity(0))
        return np.concatenate(list(in_order(lambda part: self._encode_range(text, *part), ranges, workers)))

    def _encode_range(self, text: Array8, start: int, stop: int) -> Array32:
        try:
            worker = self._idle.get_nowait()
        except Empty:
            worker = Worker(self._specials, self._ranks)
        try:
            return worker.encode(text[start:stop])
        except InvalidUtf8Error as error:
            raise InvalidUtf8Error(error.source, start + error.offset) from None
        finally:
            self._idle.put(worker)
