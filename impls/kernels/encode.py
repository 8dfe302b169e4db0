"""Scan, key, probe, and merge only what was not seen before: text to ids in one pass.

A pretoken's ids are kept under its key: a single id in the entry itself, several in a pool of ids. A pretoken that
is new is merged by search for the lowest rank while it is short, through a heap when it is long.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from impls.kernels.compiler import Int, inline, kernel
from impls.kernels.instructions import store_two
from impls.kernels.keys import SHORT_BYTES, copy_bytes, find, look_ahead, pair_slot
from impls.kernels.specials import next_special, special_at, special_length
from impls.kernels.splits import SPLITS

SEARCH_BYTES = 48
"""Up to this length a search for the lowest rank beats the heap."""

CACHED_BYTES = 1 << 10
"""Pretokens beyond this length are rare and rarely repeat; they are merged each time."""

POSITION, WRITTEN, DOCUMENT, ENTRIES, POOL_USED, IDS_USED, DETAIL = range(7)
"""Places in `Cache.numbers`: how far the text is encoded, what is used, and what a status is about."""

DONE, CACHE_FULL, SCRATCH_SMALL, NOT_UTF8, NO_TOKEN = range(5)
"""Why `encode_text` returned. DETAIL: the room that is needed, the invalid byte's place, the byte without a token."""

INLINE_IDS = 3
"""Ids of a short pretoken that its entry holds; more are in the pool of ids."""

_HALF = np.uint64(32)
_LOW_HALF = np.uint64(0xFFFFFFFF)
_IN_POOL = np.uint64(1 << 63)
_NO_RANK = np.int64(0x7FFFFFFFFFFFFFFF)


class Ranks(NamedTuple):
    """The merges of a vocabulary.

    Attributes:
        byte_ids: int32[256], -1 where a byte has no token.
        byte_pairs: int64[65536], rank << 32 | merged id of two bytes, `_NO_RANK` where they do not merge.
        table: uint64[power of two, 2], open addressing from (left << 32 | right) + 1 to rank << 32 | merged id.
    """

    byte_ids: NDArray[np.int32]
    byte_pairs: NDArray[np.int64]
    table: NDArray[np.uint64]


class Cache(NamedTuple):
    """Pretokens that were merged before, and the room to merge others.

    Attributes:
        table: uint64[power of two, 4], see `kernels.keys`; word 2 is n << 32 | the first id, word 3 the two
            others; or word 2 is `_IN_POOL` | n << 32 | where the ids begin.
        pool: uint8[n], bytes of pretokens of more than 15 bytes.
        ids: int32[n], ids of pretokens of several tokens.
        symbols: int32[3, n], scratch: ids, next and previous symbol; n bounds the length of a pretoken.
        heap: int64[2 n], scratch: rank << 32 | position.
        numbers: int64[7], see the places above.
    """

    table: NDArray[np.uint64]
    pool: NDArray[np.uint8]
    ids: NDArray[np.int32]
    symbols: NDArray[np.int32]
    heap: NDArray[np.int64]
    numbers: NDArray[np.int64]


@inline
def rank_of(left: Int, right: Int, ranks: Any) -> Int:
    """Return rank << 32 | merged id of a pair of ids, `_NO_RANK` if they do not merge."""
    pair = (np.uint64(left) << np.uint64(32)) | np.uint64(right)
    mask = len(ranks.table) - 1
    slot = pair_slot(pair, mask)
    while ranks.table[slot, 0]:
        if ranks.table[slot, 0] == pair + np.uint64(1):
            return np.int64(ranks.table[slot, 1])
        slot = (slot + 1) & mask
    return _NO_RANK


@kernel
def fill_ranks(left: Any, right: Any, merged: Any, ranks: Any) -> None:
    """Enter merges, int32[m] each, in an empty rank table, and fill the table of pairs of bytes."""
    mask = len(ranks.table) - 1
    for rank in range(len(left)):
        pair = (np.uint64(left[rank]) << np.uint64(32)) | np.uint64(right[rank])
        slot = pair_slot(pair, mask)
        while ranks.table[slot, 0]:
            slot = (slot + 1) & mask
        ranks.table[slot, 0] = pair + np.uint64(1)
        ranks.table[slot, 1] = (np.uint64(rank) << np.uint64(32)) | np.uint64(merged[rank])
    for byte in range(256):
        for other in range(256):
            found = _NO_RANK
            if ranks.byte_ids[byte] >= 0 and ranks.byte_ids[other] >= 0:
                found = rank_of(ranks.byte_ids[byte], ranks.byte_ids[other], ranks)
            ranks.byte_pairs[(byte << 8) | other] = found


@inline
def merge_short(text: Any, position: Int, length: Int, ranks: Any, cache: Any) -> Int:
    """Merge the symbols of `length` bytes by search for the lowest rank; returns how many are left, at the front."""
    symbols, found = cache.symbols[0], cache.heap
    for place in range(length - 1):
        pair = (np.int64(text[position + place]) << 8) | np.int64(text[position + place + 1])
        found[place] = ranks.byte_pairs[pair]
    while length > 1:
        best = 0
        for place in range(1, length - 1):
            if found[place] < found[best]:
                best = place
        if found[best] == _NO_RANK:
            break
        symbols[best] = found[best] & 0xFFFFFFFF
        length -= 1
        for place in range(best + 1, length):
            symbols[place] = symbols[place + 1]
            found[place - 1] = found[place]
        if best:
            found[best - 1] = rank_of(symbols[best - 1], symbols[best], ranks)
        if best < length - 1:
            found[best] = rank_of(symbols[best], symbols[best + 1], ranks)
    return length


@inline
def sift_up(heap: Any, place: Int, key: Int) -> None:
    """Put a candidate at the end of the heap and let it rise."""
    while place:
        parent = (place - 1) >> 1
        if heap[parent] <= key:
            break
        heap[place] = heap[parent]
        place = parent
    heap[place] = key


@inline
def sift_down(heap: Any, used: Int) -> None:
    """Move the last of `used` + 1 candidates to the root and let it sink."""
    key = heap[used]
    place = 0
    while True:
        child = 2 * place + 1
        if child >= used:
            break
        if child + 1 < used and heap[child + 1] < heap[child]:
            child += 1
        if heap[child] >= key:
            break
        heap[place] = heap[child]
        place = child
    heap[place] = key


@inline
def rank_at(position: Int, length: Int, ranks: Any, cache: Any) -> Int:
    """Return rank << 32 | merged id of the pair that stands at `position` now, `_NO_RANK` if there is none."""
    following = np.int64(cache.symbols[1, position])
    if cache.symbols[0, position] < 0 or following >= length:
        return _NO_RANK
    return rank_of(np.int64(cache.symbols[0, position]), np.int64(cache.symbols[0, following]), ranks)


@inline
def offer(position: Int, length: Int, used: Int, ranks: Any, cache: Any) -> Int:
    """Push the pair at `position` if it merges; returns the size of the heap."""
    found = rank_at(position, length, ranks, cache)
    if found == _NO_RANK:
        return used
    sift_up(cache.heap, used, (found >> 32 << 32) | position)
    return used + 1


@inline
def merge_long(length: Int, ranks: Any, cache: Any) -> Int:
    """Merge `length` symbols through a heap of candidates; returns how many are left, at the front.

    A candidate is out of date if the pair at its position now has another rank: a rank belongs to one pair.
    """
    symbols, following, previous = cache.symbols[0], cache.symbols[1], cache.symbols[2]
    used = 0
    for place in range(length):
        following[place] = place + 1
        previous[place] = place - 1
    for place in range(length - 1):
        used = offer(place, length, used, ranks, cache)
    while used:
        key = cache.heap[0]
        used -= 1
        sift_down(cache.heap, used)
        place = key & 0xFFFFFFFF
        found = rank_at(place, length, ranks, cache)
        if found == _NO_RANK or found >> 32 != key >> 32:
            continue
        after = np.int64(following[place])
        symbols[place] = found & 0xFFFFFFFF
        symbols[after] = -1
        following[place] = following[after]
        if following[place] < length:
            previous[following[place]] = place
        used = offer(place, length, used, ranks, cache)
        if previous[place] >= 0:
            used = offer(np.int64(previous[place]), length, used, ranks, cache)
    left = 0
    for place in range(length):
        if symbols[place] >= 0:
            symbols[left] = symbols[place]
            left += 1
    return left


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
    """Merge a new pretoken into the empty entry `slot`; returns a status."""
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
    """Encode a pretoken too long for the cache to the output; returns the number of ids, or minus a status."""
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
    """Encode a pretoken through the cache to the output; returns the number of ids, or minus a status."""
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
    # One to three ids without a branch; what is written beyond them is overwritten by the next.
    output[written] = np.int64(word & _LOW_HALF)
    store_two(output, written + 1, cache.table[slot, 3])
    return np.int64(word >> _HALF)


@inline
def encode_pretokens(
    text: Any, position: Int, n: Int, ranks: Any, batch: Any, cache: Any, output: Any, written: Int
) -> tuple[Int, Int, Int]:
    """Encode the `n` pretokens of a batch; returns up to where, the number of ids written so far, and a status."""
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
    """Make the kernel that encodes by a pattern."""
    scan_ends = SPLITS[pattern].scan_ends

    @inline
    def encode_document(
        text: Any, end: Int, classes: Any, specials: Any, ranks: Any, batch: Any, cache: Any, output: Any
    ) -> Int:
        """Encode `text[:end]` from the places in `numbers` on, which are brought up to date; returns a status."""
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
        """Encode documents that stand one behind the other in `text`, uint8[n], into `output`, int32[n].

        `output` has room for two more. `documents`, int64[d, 2]: where each ends in the text, and, to be filled in,
        where its ids end. Begins at the three first of `numbers`. Returns the number of ids when done, the three at 0
        again. Otherwise minus a status; once that is taken care of, the next call goes on.
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
