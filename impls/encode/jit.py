"""Compiled: find each pretoken, look it up, and merge it if it is new, in one pass over the text.

Unlike `cached`, this encoder makes no Python object per pretoken, and several threads encode a large text. This
module owns the arrays: the ranks that all threads share, one cache of bounded size per thread, and the output. If a
pattern has no compiled scan, `cached` encodes instead.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Iterator, Sequence
from functools import partial
from itertools import accumulate
from queue import Empty, SimpleQueue
from typing import Any

import numpy as np

from impls.arguments import check_workers
from impls.contract import Array32, Array64, Ids, IdType, ShortText, Vocabulary
from impls.cuts import SafeCuts
from impls.encode import missing_byte
from impls.encode.cached import CachedEncoder
from impls.errors import InvalidUtf8Error
from impls.id_lists import IdLists
from impls.kernels.builtins import USABLE
from impls.kernels.encode import (
    CACHE_FULL,
    CACHED_BYTES,
    DETAIL,
    ENCODE_TEXT,
    ENTRIES,
    IDS_USED,
    INLINE_IDS,
    NO_TOKEN,
    NOT_UTF8,
    POOL_USED,
    SCRATCH_SMALL,
    Cache,
)
from impls.kernels.keys import WORDS, new_batch, rehash
from impls.kernels.ranks import Ranks, fill_ranks
from impls.kernels.short import MOST_BYTES
from impls.kernels.specials import pack_specials
from impls.kernels.splits import SPLITS
from impls.memory import zeros
from impls.parallel import in_order
from impls.short_texts import ShortTexts

MAX_ENTRIES = 1 << 20
"""The cache of a thread is emptied when its table has this many entries, of 32 bytes each."""

MIN_NEW_ENTRIES, MAX_NEW_ENTRIES = 1 << 12, 1 << 18
"""Smallest and largest number of entries in a new cache. Growing is slow, since the old memory is given back to the
system and new memory is taken."""

RANGE_BYTES = 1 << 21
"""Bytes in each part of a text that one thread encodes; a text of one part is encoded by the calling thread."""


def pack_ranks(vocabulary: Vocabulary) -> Ranks:
    """Return the merges as a hash table for the kernels."""
    size = 1 << max(4, (2 * len(vocabulary.left)).bit_length())
    ranks = Ranks(vocabulary.byte_ids, np.empty(1 << 16, np.int64), zeros((size, 2), np.uint64))
    fill_ranks(vocabulary.left, vocabulary.right, vocabulary.merged, ranks)
    return ranks


def scratch(longest: int) -> tuple[Array32, Array64]:
    """Return the arrays `symbols` and `heap` of a new `Cache`, for pretokens of at most `longest` bytes."""
    return zeros((3, longest), np.int32), zeros(2 * longest, np.int64)


class Worker:
    """The arrays of one thread: a cache that grows up to a bound, and the output of a text."""

    def __init__(self, pattern: str, vocabulary: Vocabulary, ranks: Ranks, n_entries: int) -> None:
        """Start with a cache of `n_entries`, a power of two, and with pools of the usual size for it."""
        symbols, heap = scratch(CACHED_BYTES)
        self._cache = Cache(
            table=zeros((n_entries, WORDS), np.uint64),
            pool=zeros(4 * n_entries, np.uint8),
            ids=zeros(4 * n_entries, np.int32),
            symbols=symbols,
            heap=heap,
            numbers=np.zeros(7, np.int64),
        )
        self._kernel, classes = ENCODE_TEXT[pattern], SPLITS[pattern].classes()
        self._fixed = (classes, pack_specials(vocabulary.special_tokens), ranks, new_batch())
        self._output = np.empty(1 << 12, np.int32)
        self._documents = np.zeros((1, 2), np.int64)
        self._bind()

    def _bind(self) -> None:
        text = np.empty(0, np.uint8)
        self._call = self._kernel.bind(text, self._documents, *self._fixed, self._cache, self._output)

    def encode(self, text: bytes, start: int, stop: int) -> Array32:
        """Encode bytes [start, stop) of a text to ids, int32[n]; the next call overwrites them."""
        self._documents[0, 0] = stop - start
        return self._run(text, start, stop)

    def encode_batch(self, texts: Sequence[bytes]) -> tuple[Array32, Array64]:
        """Encode several texts at once.

        Return the ids of all texts, int32[n], and the index in them at which the ids of each text end.
        """
        single, documents = self._documents, np.zeros((len(texts), 2), np.int64)
        np.cumsum([len(text) for text in texts], out=documents[:, 0])
        self._documents = documents
        self._bind()
        text = b"".join(texts)
        try:
            return self._run(text, 0, len(text)), documents[:, 1]
        finally:
            self._documents = single
            self._bind()

    def bound(self, n_bytes: int) -> tuple[Any, Array64, Cache, Array32]:
        """Return the call of the kernel for texts of up to `n_bytes`, and its documents, cache and output."""
        self._output = zeros(n_bytes + INLINE_IDS, np.int32)
        self._bind()
        return self._call, self._documents, self._cache, self._output

    def make_room(self) -> None:
        """Enlarge the full cache, or empty it if it is as large as it may be."""
        self._make_room(CACHE_FULL, 0)

    def _run(self, text: bytes, start: int, stop: int) -> Array32:
        # A text has at most one id per byte; the kernel may write two more entries after the last id.
        needed = stop - start + INLINE_IDS
        if needed > len(self._output):
            self._output = zeros(max(needed, min(RANGE_BYTES, 2 * len(self._output))), np.int32)
            self._bind()
        self._call.set_bytes(text, start, stop)
        while (n := self._call()) < 0:
            self._make_room(-n, int(self._cache.numbers[DETAIL]))
            self._bind()
            self._call.set_bytes(text, start, stop)
        return self._output[:n]

    def _make_room(self, status: int, detail: int) -> None:
        if status in (NOT_UTF8, NO_TOKEN):
            raise InvalidUtf8Error("text", detail) if status == NOT_UTF8 else missing_byte(detail)
        if status == SCRATCH_SMALL:
            symbols, heap = scratch(detail)
            self._cache = self._cache._replace(symbols=symbols, heap=heap)
        elif len(self._cache.table) < MAX_ENTRIES:
            self._grow_cache()
        else:
            self._cache.table[:] = 0
            self._cache.numbers[[ENTRIES, POOL_USED, IDS_USED]] = 0

    def _grow_cache(self) -> None:
        old, used = self._cache, self._cache.numbers
        table = zeros((2 * len(old.table), WORDS), np.uint64)
        rehash(old.table, table)
        pool, ids = zeros(2 * len(old.pool), np.uint8), zeros(2 * len(old.ids), np.int32)
        pool[: used[POOL_USED]] = old.pool[: used[POOL_USED]]
        ids[: used[IDS_USED]] = old.ids[: used[IDS_USED]]
        self._cache = old._replace(table=table, pool=pool, ids=ids)


class JitEncoder:
    """Encodes in compiled code; several threads may call it at once, and it starts threads of its own."""

    def __init__(self, vocabulary: Vocabulary, pattern: str) -> None:
        """Build the rank table. See `contract.Encoder`."""
        self._fallback = None if pattern in SPLITS else CachedEncoder(vocabulary, pattern)
        self._dtype = vocabulary.id_dtype
        if self._fallback is None:
            self._pattern, self._vocabulary, self._ranks = pattern, vocabulary, pack_ranks(vocabulary)
            self._cuts = SafeCuts(pattern, list(vocabulary.special_tokens))
            self._idle: SimpleQueue[Worker] = SimpleQueue()
            self._short: ShortTexts | None = None

    def _take_worker(self, n_bytes: int) -> Worker:
        try:
            return self._idle.get_nowait()
        except Empty:
            return self.new_worker(n_bytes)

    def new_worker(self, n_bytes: int) -> Worker:
        """Return a worker with a cache for a text of `n_bytes`."""
        n_entries = min(max(1 << (n_bytes >> 3).bit_length(), MIN_NEW_ENTRIES), MAX_NEW_ENTRIES)
        return Worker(self._pattern, self._vocabulary, self._ranks, n_entries)

    def short_text(self, lists: IdLists) -> ShortText | None:
        """Return the function for short strings, see `short_texts`, if this Python can have one."""
        if self._fallback or not USABLE:
            return None
        if self._short is None:
            self._short = ShortTexts(self.new_worker(MOST_BYTES), lists)
        return self._short.function()

    def encode(self, text: bytes, *, workers: int | None = None) -> Ids:
        """Encode UTF-8 text. See `contract.Encoder`."""
        if self._fallback:
            return self._fallback.encode(text)
        if len(text) <= RANGE_BYTES:
            return self._encode_part(text, 0, len(text))
        ranges = self._cuts.ranges(lambda start, stop: text[start:stop], 0, len(text), RANGE_BYTES)
        return joined(
            in_order(partial(self._encode_range, text), ranges, check_workers(workers)), len(text), self._dtype
        )

    def _encode_part(self, text: bytes, start: int, stop: int) -> Ids:
        worker = self._take_worker(stop - start)
        ids = worker.encode(text, start, stop).astype(self._dtype)
        self._idle.put(worker)  # Not after an error or an interrupt: the worker is still in the middle of its text.
        return ids

    def _encode_range(self, text: bytes, part: tuple[int, int]) -> Ids:
        try:
            return self._encode_part(text, *part)
        except InvalidUtf8Error as error:
            raise InvalidUtf8Error(error.source, part[0] + error.offset) from None

    def encode_batch(self, texts: Sequence[bytes], *, workers: int | None = None) -> tuple[Ids, Array64]:
        """Encode many texts. See `contract.Encoder`."""
        if self._fallback:
            return self._fallback.encode_batch(texts)
        groups = list(batches(texts, RANGE_BYTES))
        n_threads = min(check_workers(workers), max(1, len(groups)))
        lengths: list[Array64] = []

        def ids_of_groups() -> Iterator[Ids]:
            for ids, of_group in in_order(self._encode_texts, groups, n_threads):
                lengths.append(of_group)
                yield ids

        ids = joined(ids_of_groups(), sum(map(len, texts)), self._dtype)
        return ids, np.cumsum(np.concatenate([np.zeros(1, np.int64), *lengths]))

    def _encode_texts(self, texts: Sequence[bytes]) -> tuple[Ids, Array64]:
        worker = self._take_worker(sum(map(len, texts)))
        try:
            ids, ends = worker.encode_batch(texts)
        except InvalidUtf8Error as error:
            starts = [0, *accumulate(map(len, texts))]
            start = starts[bisect_right(starts, error.offset) - 1]
            raise InvalidUtf8Error(error.source, error.offset - start) from None
        kept = ids.astype(self._dtype)
        self._idle.put(worker)
        return kept, np.diff(ends, prepend=0)


def joined(parts: Iterable[Ids], most: int, dtype: IdType) -> Ids:
    """Join parts of at most `most` ids in all to one array; memory after the last id is never touched."""
    ids: Ids = np.empty(most, dtype)
    n = 0
    for part in parts:
        ids[n : n + len(part)] = part
        n += len(part)
    ids.resize(n, refcheck=False)
    return ids


def batches(texts: Sequence[bytes], n_bytes: int) -> Iterator[Sequence[bytes]]:
    """Cut a sequence of texts into shorter sequences of texts, each of about `n_bytes` in all."""
    start, size = 0, 0
    for index, text in enumerate(texts):
        size += len(text)
        if size >= n_bytes:
            yield texts[start : index + 1]
            start, size = index + 1, 0
    if start < len(texts):
        yield texts[start:]
