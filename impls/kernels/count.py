"""Scan, key, probe, count: one pass over the text. Tables of several threads are added up afterwards."""

from __future__ import annotations

from typing import Any

import numpy as np

from impls.kernels.compiler import Int, inline, kernel
from impls.kernels.keys import SHORT_BYTES, copy_bytes, find, key_of, look_ahead, slot_of
from impls.kernels.specials import next_special, special_at, special_length
from impls.kernels.splits import SPLITS

ENTRIES, POOL_USED, INVALID_AT = range(3)
"""Places in the state: entries in the table, bytes in the pool, where the text is not UTF-8 (-1: nowhere)."""


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
    """Add `weight` to the count of a pretoken; False when table or pool must grow first."""
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
    table[slot, 2] += weight
    return True


def counting(pattern: str) -> Any:
    """Make the kernel that counts the pretokens of a pattern."""
    scan_ends = SPLITS[pattern].scan_ends

    def count_text(
        text: Any, start: Int, end: Int, classes: Any, specials: Any, batch: Any, table: Any, pool: Any, state: Any
    ) -> Int:
        """Count the pretokens of `text[start:end]`, uint8, between its special tokens.

        Returns `end` when done. An earlier place: table, uint64[n, 4], or pool, uint8, is full, and the count goes on
        there once they have grown; or `state[INVALID_AT]`, int64, tells that the text is not UTF-8.
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
def unpack_table(table: Any, pool: Any, bytes_: Any, offsets: Any, counts: Any) -> Int:
    """Write the entries as flat arrays: uint8[total], int64[n + 1], int64[n]. Returns the total of bytes.

    With arrays of length 0 for `bytes_`, only the total is computed.
    """
    total = np.int64(0)
    row = 0
    for slot in range(len(table)):
        high = table[slot, 1]
        if not high:
            continue
        length = np.int64(high >> np.uint64(56))
        long = length > SHORT_BYTES
        if long:
            length = np.int64(high & np.uint64((1 << 56) - 1))
        if len(bytes_):
            if long:
                start = np.int64(table[slot, 3])
                copy_bytes(pool, start, bytes_, total, length)
            else:
                for place in range(length):
                    word = table[slot, place >> 3]
                    bytes_[total + place] = np.uint8((word >> np.uint64(8 * (place & 7))) & np.uint64(255))
            counts[row] = np.int64(table[slot, 2])
            offsets[row + 1] = total + length
        total += length
        row += 1
    return total


@kernel
def add_pretokens(bytes_: Any, offsets: Any, counts: Any, first: Int, table: Any, pool: Any, state: Any) -> Int:
    """Add flat pretokens from row `first` on to a table; returns the row at which it was full, or their number."""
    for row in range(first, len(counts)):
        start = offsets[row]
        length = offsets[row + 1] - start
        low, high = key_of(bytes_, start, length)
        slot = slot_of(low, high, len(table) - 1)
        if not add(table, pool, state, bytes_, start, length, low, high, slot, np.uint64(counts[row])):
            return row
    return len(counts)
