"""Text to ids in one pass: find a pretoken, look its key up in the cache, and merge the pretoken only if it is new.

The cache keeps the ids of a pretoken under its key. If a pretoken of up to 15 bytes has at most three ids, the ids
are in the entry itself. Otherwise the ids are in a pool of ids. A short new pretoken is merged by a search for the
lowest rank, and a long new pretoken is merged with a heap.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from impls.kernels.compiler import kernel
from impls.kernels.helpers import Int, inline
from impls.kernels.instructions import store_two
from impls.kernels.keys import SHORT_BYTES, copy_bytes, find, look_ahead
from impls.kernels.ranks import SEARCH_BYTES, merge_long, merge_short
from impls.kernels.specials import next_special, special_at, special_length
from impls.kernels.splits import SPLITS

CACHED_BYTES = 1 << 10
"""Longer pretokens are rare and seldom repeat, so they are not cached but merged each time."""

POSITION, WRITTEN, DOCUMENT, ENTRIES, POOL_USED, IDS_USED, DETAIL = range(7)
"""Indices of `Cache.numbers`: position in the text, number of ids written, number of the document; how many entries,
bytes and ids of the cache are used; a detail that depends on the status."""

DONE, CACHE_FULL, SCRATCH_SMALL, NOT_UTF8, NO_TOKEN = range(5)
"""The status tells why `encode_text` returned. `numbers[DETAIL]` then holds the length in bytes of the pretoken that
needs larger scratch arrays (SCRATCH_SMALL), the offset of the invalid byte (NOT_UTF8), or the byte without a token
(NO_TOKEN)."""

INLINE_IDS = 3
"""Ids that the entry of a short pretoken can hold; if it has more ids, all are in the pool of ids."""

_HALF = np.uint64(32)
_LOW_HALF = np.uint64(0xFFFFFFFF)
_IN_POOL = np.uint64(1 << 63)


class Cache(NamedTuple):
    """Pretokens that were merged before, and scratch arrays to merge new pretokens.

    Attributes:
        table: uint64[power of two, 4], see `kernels.keys`. If n ids are in the entry, word 2 is n << 32 | the first
            id, and word 3 holds the other two. Otherwise word 2 is `_IN_POOL` | n << 32 | the index in `ids`.
        pool: uint8[n], bytes of pretokens of more than 15 bytes.
        ids: int32[n], ids of the pretokens whose ids are not in their entry.
        symbols: int32[3, n], scratch for a pretoken of at most n bytes: for each symbol, its id, the next symbol and
            the previous symbol.
        heap: int64[2 n], scratch: rank << 32 | position.
        numbers: int64[7], counters; POSITION and the other indices above say what each holds.
    """

    table: NDArray[np.uint64]
    pool: NDArray[np.uint8]
    ids: NDArray[np.int32]
    symbols: NDArray[np.int32]
    heap: NDArray[np.int64]
    numbers: NDArray[np.int64]


@inline
def merge(text: Any, position: Int, length: Int, ranks: Any, cache: Any) -> Int:
    """Merge a pretoken into `symbols[0]`; returns the number of ids, or minus a status."""
    if length > cache.symbols.shape[1]:
        cache.numbers[DETAIL] = length
        return -SCRATCH_SMALL
    for place in range(length):
        symbol = ranks.byte_ids[text[position + place]]
        if symbol < 0:
            cache.numbers[DETAIL] = text[position + place]
            return -NO_TOKEN
        cache.symbols[0, place] = symbol
    if length <= SEARCH_BYTES:
        return merge_short(text, position, length, ranks, cache)
    return merge_long(length, ranks, cache)


@inline
def enter(slot: Int, low: Any, high: Any, text: Any, position: Int, length: Int, ranks: Any, cache: Any) -> Int:
    """Merge a new pretoken, and enter its ids in the empty entry `slot`; returns a status."""
    numbers = cache.numbers
    if (
        2 * numbers[ENTRIES] >= len(cache.table)
        or numbers[IDS_USED] + length > len(cache.ids)
        or numbers[POOL_USED] + length > len(cache.pool)
    ):
        return CACHE_FULL
    left = merge(text, position, length, ranks, cache)
    if left < 0:
        return -left
    word = np.uint64(left) << _HALF
    if length <= SHORT_BYTES and left <= INLINE_IDS:
        word |= np.uint64(cache.symbols[0, 0])
        cache.table[slot, 3] = np.uint64(cache.symbols[0, 1]) | (np.uint64(cache.symbols[0, 2]) << _HALF)
    else:
        word |= _IN_POOL | np.uint64(numbers[IDS_USED])
        for place in range(left):
            cache.ids[numbers[IDS_USED] + place] = cache.symbols[0, place]
        numbers[IDS_USED] += left
    if length > SHORT_BYTES:
        cache.table[slot, 3] = np.uint64(numbers[POOL_USED])
        copy_bytes(text, position, cache.pool, numbers[POOL_USED], length)
        numbers[POOL_USED] += length
    cache.table[slot, 0] = low
    cache.table[slot, 1] = high
    cache.table[slot, 2] = word
    numbers[ENTRIES] += 1
    return DONE


@inline
def encode_long(text: Any, position: Int, length: Int, ranks: Any, cache: Any, output: Any, written: Int) -> Int:
    """Write the ids of a pretoken that is too long for the cache; returns the number of ids, or minus a status."""
    n = merge(text, position, length, ranks, cache)
    for place in range(n):
        output[written + place] = cache.symbols[0, place]
    return n


@inline
def encode_cached(
    text: Any,
    position: Int,
    length: Int,
    low: Any,
    high: Any,
    first: Int,
    ranks: Any,
    cache: Any,
    output: Any,
    written: Int,
) -> Int:
    """Write the ids of a pretoken, from the cache if it is there; returns the number of ids, or minus a status."""
    slot = find(cache.table, cache.pool, text, position, length, low, high, first)
    if not cache.table[slot, 1]:
        status = enter(slot, low, high, text, position, length, ranks, cache)
        if status != DONE:
            return -status
    word = cache.table[slot, 2]
    if word & _IN_POOL:
        n = np.int64((word & ~_IN_POOL) >> _HALF)
        start = np.int64(word & _LOW_HALF)
        for place in range(n):
            output[written + place] = cache.ids[start + place]
        return n
    # Three ids are always written, without a branch; the next pretoken overwrites ids after the first n.
    output[written] = np.int64(word & _LOW_HALF)
    store_two(output, written + 1, cache.table[slot, 3])
    return np.int64(word >> _HALF)


@inline
def encode_pretokens(
    text: Any, position: Int, n: Int, ranks: Any, batch: Any, cache: Any, output: Any, written: Int
) -> tuple[Int, Int, Int]:
    """Encode the `n` pretokens of a batch; returns the position reached, the ids written so far, and a status."""
    look_ahead(text, position, n, cache.table, batch)
    for index in range(n):
        length = batch.ends[index] - position
        low, high, slot = batch.keys[index, 0], batch.keys[index, 1], batch.slots[index]
        if length <= CACHED_BYTES:
            made = encode_cached(text, position, length, low, high, slot, ranks, cache, output, written)
        else:
            made = encode_long(text, position, length, ranks, cache, output, written)
        if made < 0:
            return position, written, np.int64(-made)
        written += made
        position += length
    return position, written, np.int64(DONE)


def encoding(pattern: str) -> Any:
    """Make the kernel that encodes texts split by a pattern."""
    scan_ends = SPLITS[pattern].scan_ends

    @inline
    def encode_document(
        text: Any, end: Int, classes: Any, specials: Any, ranks: Any, batch: Any, cache: Any, output: Any
    ) -> Int:
        """Encode `text[:end]` from `numbers[POSITION]` on, update POSITION and WRITTEN, and return a status."""
        numbers = cache.numbers
        position, written, status = numbers[POSITION], numbers[WRITTEN], np.int64(DONE)
        while position < end and status == DONE:
            stop = next_special(text, position, end, specials)
            while position < stop and status == DONE:
                n = scan_ends(text, position, stop, classes, batch.ends)
                if batch.ends[n - 1] < 0:
                    n -= 1
                    if n == 0:
                        numbers[DETAIL] = -1 - batch.ends[0]
                        status = np.int64(NOT_UTF8)
                        break
                position, written, status = encode_pretokens(text, position, n, ranks, batch, cache, output, written)
            if status == DONE and stop < end:
                token = special_at(text, stop, end, specials)
                output[written] = specials.ids[token]
                written += 1
                position = stop + special_length(token, specials)
        numbers[POSITION] = position
        numbers[WRITTEN] = written
        return status

    def encode_text(
        text: Any, documents: Any, classes: Any, specials: Any, ranks: Any, batch: Any, cache: Any, output: Any
    ) -> Int:
        """Encode documents that stand one after the other in `text`, uint8[n], into `output`, int32[n + 2] or more.

        `documents`, int64[d, 2], has a row per document: the first column holds where the document ends in the text,
        and the kernel writes to the second column where its ids end in the output. The kernel begins at POSITION,
        WRITTEN and DOCUMENT of `numbers`. When all documents are encoded, it sets these three to 0 and returns the
        number of ids. If it must stop, it returns minus a status. The caller then removes the cause, and calls the
        kernel again to go on.
        """
        numbers = cache.numbers
        for document in range(numbers[DOCUMENT], len(documents)):
            numbers[DOCUMENT] = document
            end = documents[document, 0]
            status = encode_document(text, end, classes, specials, ranks, batch, cache, output)
            if status != DONE:
                return -status
            documents[document, 1] = numbers[WRITTEN]
        written = numbers[WRITTEN]
        numbers[POSITION] = numbers[WRITTEN] = numbers[DOCUMENT] = 0
        return written

    return kernel(encode_text, pattern)


ENCODE_TEXT = {pattern: encoding(pattern) for pattern in SPLITS}
