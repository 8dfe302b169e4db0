"""Count pretokens in one pass over the text: find pretokens, compute keys, look the keys up, add to the counts.

Each thread has a table of its own. The tables are added up at the end.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from impls.kernels.compiler import kernel
from impls.kernels.helpers import Int, inline
from impls.kernels.instructions import prefetch_row, store_u64
from impls.kernels.keys import SHORT_BYTES, copy_bytes, find, key_length, look_ahead, slot_of
from impls.kernels.specials import next_special, special_at, special_length
from impls.kernels.splits import SPLITS

ENTRIES, POOL_USED, INVALID_AT, TOTAL_BYTES = range(4)
"""Indices of the state, int64[4]: number of entries in the table, number of bytes used in the pool, offset of the
first byte that is not UTF-8 (-1 if there is none), total length of all entries in bytes."""

AHEAD = 8
"""`add_table` fetches the memory of an entry this many steps before it adds the entry."""


@inline
def add(
    table: Any,
    pool: Any,
    state: Any,
    text: Any,
    position: Int,
    length: Int,
    low: Any,
    high: Any,
    first: Int,
    weight: Any,
) -> bool:
    """Add `weight` to the count of a pretoken; return False if the table or the pool must grow first."""
    slot = find(table, pool, text, position, length, low, high, first)
    if not table[slot, 1]:
        if 2 * state[ENTRIES] >= len(table):
            return False
        if length > SHORT_BYTES:
            start = state[POOL_USED]
            if start + length > len(pool):
                return False
            copy_bytes(text, position, pool, start, length)
            state[POOL_USED] += length
            table[slot, 3] = np.uint64(start)
        table[slot, 0] = low
        table[slot, 1] = high
        state[ENTRIES] += 1
        state[TOTAL_BYTES] += length
    table[slot, 2] += weight
    return True


def counting(pattern: str) -> Any:
    """Make the kernel that counts the pretokens of texts split by a pattern."""
    scan_ends = SPLITS[pattern].scan_ends

    def count_text(
        text: Any, start: Int, end: Int, classes: Any, specials: Any, batch: Any, table: Any, pool: Any, state: Any
    ) -> Int:
        """Count the pretokens of `text[start:end]`, uint8, between its special tokens.

        Returns `end` if all pretokens are counted, else the position at which the kernel stopped. If
        `state[INVALID_AT]` is not -1, the kernel stopped at invalid UTF-8. Otherwise the table, uint64[n, 4], or the
        pool, uint8[m], is full: the caller enlarges the full array, and calls the kernel again from this position.
        """
        position = start
        while position < end:
            stop = next_special(text, position, end, specials)
            while position < stop:
                n = scan_ends(text, position, stop, classes, batch.ends)
                invalid = batch.ends[n - 1] < 0
                if invalid:
                    n -= 1
                look_ahead(text, position, n, table, batch)
                for index in range(n):
                    length = batch.ends[index] - position
                    low, high = batch.keys[index, 0], batch.keys[index, 1]
                    if not add(
                        table, pool, state, text, position, length, low, high, batch.slots[index], np.uint64(1)
                    ):
                        return position
                    position += length
                if invalid:
                    state[INVALID_AT] = -1 - batch.ends[n]
                    return position
            if stop < end:
                position = stop + special_length(special_at(text, stop, end, specials), specials)
        return end

    return kernel(count_text, pattern)


COUNT_TEXT = {pattern: counting(pattern) for pattern in SPLITS}


@kernel
def unpack_table(table: Any, pool: Any, bytes_: Any, offsets: Any, counts: Any) -> None:
    """Write the entries as flat arrays: `bytes_` uint8[total + 16], `offsets` int64[n + 1], `counts` int64[n]."""
    total = np.int64(0)
    row = 0
    for slot in range(len(table)):
        high = table[slot, 1]
        if not high:
            continue
        length = key_length(high)
        if length > SHORT_BYTES:
            copy_bytes(pool, np.int64(table[slot, 3]), bytes_, total, length)
        else:  # Both words are written whole; the next pretoken overwrites the rest.
            store_u64(bytes_, total, table[slot, 0])
            store_u64(bytes_, total + 8, high)
        total += length
        counts[row] = np.int64(table[slot, 2])
        offsets[row + 1] = total
        row += 1


@kernel
def add_table(source: Any, source_pool: Any, first: Int, table: Any, pool: Any, state: Any) -> Int:
    """Add the counts of one table to another, from slot `first` on.

    Returns the slot of `source` at which the other table was full, or `len(source)` if all entries were added.
    """
    mask = len(table) - 1
    for slot in range(first, len(source)):
        ahead = min(slot + AHEAD, len(source) - 1)
        prefetch_row(table, slot_of(source[ahead, 0], source[ahead, 1], mask))
        low, high, weight = source[slot, 0], source[slot, 1], source[slot, 2]
        if high:
            length, start = key_length(high), np.int64(source[slot, 3])
            if not add(table, pool, state, source_pool, start, length, low, high, slot_of(low, high, mask), weight):
                return slot
    return len(source)
