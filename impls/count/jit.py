"""Compiled: each thread finds pretokens, looks them up in a hash table and counts them, in one pass over its ranges.

Unlike `process_pool`, this counter makes no Python object per pretoken and starts no process. Memory holds one range
of text per thread and the tables of unique pretokens. If a pattern has no compiled scan, `process_pool` counts
instead.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from queue import SimpleQueue

import numpy as np

from impls.contract import Array8, Pretokens
from impls.errors import InvalidUtf8Error
from impls.inputs.text import Text
from impls.kernels.count import COUNT_TEXT, ENTRIES, INVALID_AT, POOL_USED, TOTAL_BYTES, add_table, unpack_table
from impls.kernels.keys import WORDS, new_batch, rehash
from impls.kernels.specials import Specials, pack_specials
from impls.kernels.splits import SPLITS
from impls.memory import zeros
from impls.parallel import in_order

MIN_RANGE_BYTES = 1 << 18
MAX_RANGE_BYTES = 1 << 20
"""Smallest and largest size of a range in bytes; a thread counts one range in a few milliseconds at most."""

MIN_ENTRIES, MAX_ENTRIES = 1 << 12, 1 << 18
"""Smallest and largest number of entries in a new table: a table for a large text must seldom grow, and a table for a
small text takes little memory."""


class PretokenTable:
    """A growing hash table of unique pretokens with counts."""

    def __init__(self, pattern: str, n_entries: int = MIN_ENTRIES) -> None:
        """Make a table of `n_entries`, a power of two."""
        self._count_text, self._classes = COUNT_TEXT[pattern], SPLITS[pattern].classes()
        self._table = zeros((n_entries, WORDS), np.uint64)
        self._text = np.empty(0, np.uint8)
        self._pool = np.empty(1 << 12, np.uint8)
        self._state = np.array([0, 0, -1, 0], np.int64)
        self._batch = new_batch()

    def _grow(self, at_least: int) -> None:
        if 2 * self._state[ENTRIES] >= len(self._table):
            larger = zeros((2 * len(self._table), WORDS), np.uint64)
            rehash(self._table, larger)
            self._table = larger
        else:
            used = self._state[POOL_USED]
            pool = zeros(2 * max(len(self._pool), at_least), np.uint8)
            pool[:used] = self._pool[:used]
            self._pool = pool

    def read(self, source: Text, start: int, stop: int) -> Array8:
        """Return bytes [start, stop) of a text, uint8[stop - start]; the next call overwrites them."""
        if stop - start > len(self._text):
            self._text = zeros(stop - start + MIN_RANGE_BYTES, np.uint8)
        text = self._text[: stop - start]
        source.read_into(start, text.data)
        return text

    def count(self, text: Array8, specials: Specials, errors: str = "strict") -> int:
        """Count the pretokens of a text, uint8[n]; return the offset of the first byte that is not UTF-8, or -1."""
        start = 0
        while start < len(text):
            start = self._count_text(
                text, start, len(text), self._classes, specials, self._batch, self._table, self._pool, self._state
            )
            invalid = int(self._state[INVALID_AT])
            if invalid >= 0:
                self._state[INVALID_AT] = -1
                if errors == "strict":
                    return invalid
                repaired = text[start:].tobytes().decode("utf-8", errors).encode()
                text, start = np.frombuffer(repaired, np.uint8), 0
            elif start < len(text):
                self._grow(len(text))
        return -1

    def add(self, other: PretokenTable) -> None:
        """Add the counts of another table."""
        slot = 0
        while (slot := add_table(other._table, other._pool, slot, self._table, self._pool, self._state)) < len(
            other._table
        ):
            self._grow(len(other._pool))

    def pretokens(self) -> Pretokens:
        """Return the entries as flat arrays."""
        n, total = int(self._state[ENTRIES]), int(self._state[TOTAL_BYTES])
        bytes_, offsets, counts = zeros(total + 16, np.uint8), zeros(n + 1, np.int64), zeros(n, np.int64)
        unpack_table(self._table, self._pool, bytes_, offsets, counts)
        return Pretokens(bytes_[:total], offsets, counts)


def count_range(
    byte_range: tuple[int, int], text: Text, specials: Specials, tables: SimpleQueue[PretokenTable]
) -> None:
    """Count one byte range into a table that no other thread holds."""
    start, stop = byte_range
    table = tables.get()
    try:
        invalid = table.count(table.read(text, start, stop), specials, text.errors)
    finally:
        tables.put(table)
    if invalid >= 0:
        raise InvalidUtf8Error(text.name, start + invalid)


def count(text: Text, *, pattern: str, special_tokens: Sequence[str], workers: int) -> Pretokens:
    """Count with up to `workers` threads. See `contract.Counter`."""
    if pattern not in SPLITS:
        from impls.count import process_pool  # Imported here, since it imports multiprocessing.

        return process_pool.count(text, pattern=pattern, special_tokens=special_tokens, workers=workers)
    range_bytes = min(max(text.n_bytes // (4 * workers), MIN_RANGE_BYTES), MAX_RANGE_BYTES)
    ranges = list(text.ranges(pattern, special_tokens, range_bytes))
    n_entries = min(max(1 << (text.n_bytes >> 8).bit_length(), MIN_ENTRIES), MAX_ENTRIES)
    tables: SimpleQueue[PretokenTable] = SimpleQueue()
    for _ in range(min(workers, len(ranges))):
        tables.put(PretokenTable(pattern, n_entries))
    specials = pack_specials(dict.fromkeys(special_tokens, 0))
    job = partial(count_range, text=text, specials=specials, tables=tables)
    for _ in in_order(job, ranges, tables.qsize()):
        pass
    total = tables.get()
    while not tables.empty():
        total.add(tables.get())
    return total.pretokens()
