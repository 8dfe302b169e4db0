"""The ranks of merges as a table, and the two ways to merge the symbols of one pretoken by rank.

A short pretoken is merged by a search for the lowest rank, and a long pretoken with a heap of candidate merges.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from impls.kernels.compiler import kernel
from impls.kernels.helpers import Int, inline
from impls.kernels.keys import pair_slot

SEARCH_BYTES = 48
"""For pretokens of at most this many bytes, a search for the lowest rank is faster than the heap."""

NO_RANK = np.int64(0x7FFFFFFFFFFFFFFF)


class Ranks(NamedTuple):
    """The merges of a vocabulary.

    Attributes:
        byte_ids: int32[256], the id of each single byte, or -1 if it has no token.
        byte_pairs: int64[65536], for each pair of bytes rank << 32 | merged id, or `NO_RANK` if the pair has no
            merge.
        table: uint64[power of two, 2], hash table with open addressing; an entry holds (left << 32 | right) + 1 and
            rank << 32 | merged id.
    """

    byte_ids: NDArray[np.int32]
    byte_pairs: NDArray[np.int64]
    table: NDArray[np.uint64]


@inline
def rank_of(left: Int, right: Int, ranks: Any) -> Int:
    """Return rank << 32 | merged id for a pair of ids, or `NO_RANK` if the pair has no merge."""
    pair = (np.uint64(left) << np.uint64(32)) | np.uint64(right)
    mask = len(ranks.table) - 1
    slot = pair_slot(pair, mask)
    while ranks.table[slot, 0]:
        if ranks.table[slot, 0] == pair + np.uint64(1):
            return np.int64(ranks.table[slot, 1])
        slot = (slot + 1) & mask
    return NO_RANK


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
            found = NO_RANK
            if ranks.byte_ids[byte] >= 0 and ranks.byte_ids[other] >= 0:
                found = rank_of(ranks.byte_ids[byte], ranks.byte_ids[other], ranks)
            ranks.byte_pairs[(byte << 8) | other] = found


@inline
def merge_short(text: Any, position: Int, length: Int, ranks: Any, cache: Any) -> Int:
    """Merge the symbols of `length` bytes by search for the lowest rank.

    Returns how many symbols are left, in front.
    """
    symbols, found = cache.symbols[0], cache.heap
    for place in range(length - 1):
        pair = (np.int64(text[position + place]) << 8) | np.int64(text[position + place + 1])
        found[place] = ranks.byte_pairs[pair]
    while length > 1:
        best = 0
        for place in range(1, length - 1):
            if found[place] < found[best]:
                best = place
        if found[best] == NO_RANK:
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
    """Return rank << 32 | merged id for the pair at `position` now, or `NO_RANK` if there is no pair or no merge."""
    following = np.int64(cache.symbols[1, position])
    if cache.symbols[0, position] < 0 or following >= length:
        return NO_RANK
    return rank_of(np.int64(cache.symbols[0, position]), np.int64(cache.symbols[0, following]), ranks)


@inline
def offer(position: Int, length: Int, used: Int, ranks: Any, cache: Any) -> Int:
    """Push the pair at `position` if it has a merge; returns the size of the heap."""
    found = rank_at(position, length, ranks, cache)
    if found == NO_RANK:
        return used
    sift_up(cache.heap, used, (found >> 32 << 32) | position)
    return used + 1


@inline
def merge_long(length: Int, ranks: Any, cache: Any) -> Int:
    """Merge `length` symbols with a heap of candidates; returns how many symbols are left, in front.

    Each rank belongs to one pair. So a candidate is out of date if the pair at its position now has another rank.
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
        if found == NO_RANK or found >> 32 != key >> 32:
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
