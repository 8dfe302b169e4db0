"""Tallies: they add up the counts of many blocks of text, and obey a cap of memory.

If the counts outgrow the cap, the tally gives them to `spill`, which writes them to disk, and starts again at zero.
"""

from __future__ import annotations

import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from queue import SimpleQueue
from threading import Lock
from typing import TYPE_CHECKING, NamedTuple, Protocol

from impls.contract import Counter, Pretokens
from impls.inputs.block import Loaded
from impls.system import blocked

if TYPE_CHECKING:
    from impls.count.jit import PretokenTable


class Cap(NamedTuple):
    """A bound of memory.

    Attributes:
        n_bytes: the most memory that the counts may take, in bytes.
        spill: called with counts that outgrow the bound; only one thread at a time calls it.
    """

    n_bytes: int
    spill: Callable[[Pretokens], None]


ENTRY_BYTES = 160
"""About how much memory a dict takes for a pretoken and its count, the bytes of the pretoken left out."""


class Tally(Protocol):
    """Counts of blocks; several threads may add blocks at once."""

    def add(self, loaded: Loaded) -> None:
        """Count the pretokens of a block.

        Raises:
            InvalidUtf8Error: the text is not UTF-8 and its `errors` is "strict".
        """

    def take(self) -> Iterator[Pretokens]:
        """Yield the counts since the last call in one or more parts, and start again at zero."""


class MappingTally:
    """Counts in a dict, with any counter. See `Tally`."""

    def __init__(self, count: Callable[[Loaded], Pretokens], cap: Cap | None) -> None:
        """Start at zero; `count` counts one block."""
        self._count, self._cap = count, cap
        self._total: dict[bytes, int] = {}
        self._bytes = 0
        self._lock = Lock()

    def add(self, loaded: Loaded) -> None:
        """Count a block."""
        counts = self._count(loaded).to_mapping()
        with self._lock:
            for pretoken, count in counts.items():
                if pretoken not in self._total:
                    self._bytes += len(pretoken) + ENTRY_BYTES
                self._total[pretoken] = self._total.get(pretoken, 0) + count
            if self._cap and self._bytes > self._cap.n_bytes:
                for part in self.take():
                    self._cap.spill(part)

    def take(self) -> Iterator[Pretokens]:
        """Yield the counts in one part."""
        counts, self._total, self._bytes = self._total, {}, 0
        if counts:
            yield Pretokens.from_mapping(counts)


class TableTally:
    """Counts in compiled code, in one hash table per thread. See `Tally`."""

    def __init__(self, pattern: str, workers: int, n_bytes: int, cap: Cap | None) -> None:
        """Make the tables.

        Args:
            pattern: a split pattern that has a compiled scan.
            workers: how many threads add blocks.
            n_bytes: the approximate size of the text; a table for much text begins larger.
            cap: bounds the memory of all tables.
        """
        from impls.count.jit import MAX_ENTRIES, MIN_ENTRIES

        self._pattern, self._workers, self._cap = pattern, workers, cap
        self._n_entries = min(max(1 << (n_bytes >> 8).bit_length(), MIN_ENTRIES), MAX_ENTRIES)
        self._lock = Lock()
        self._fill()

    def _fill(self) -> None:
        self._tables: SimpleQueue[PretokenTable] = SimpleQueue()
        for _ in range(self._workers):
            self._tables.put(self._new_table())

    def _new_table(self) -> PretokenTable:
        from impls.count.jit import PretokenTable

        if self._cap is None:
            return PretokenTable(self._pattern, self._n_entries)
        # While a table is written to disk or grows, there are copies of its content, as large as two tables.
        return _capped_table(self._pattern, self._cap.n_bytes // (self._workers + 2), self._spill)

    def _spill(self, table: PretokenTable) -> None:
        with self._lock:
            assert self._cap
            self._cap.spill(table.pretokens())

    def add(self, loaded: Loaded) -> None:
        """Count a block."""
        from impls.count.jit import MAX_RANGE_BYTES, count_range
        from impls.kernels.specials import pack_specials

        specials = pack_specials(dict.fromkeys(loaded.special_tokens, 0))
        for byte_range in loaded.text.ranges(self._pattern, loaded.special_tokens, MAX_RANGE_BYTES):
            count_range(byte_range, loaded.text, specials, self._tables)

    def take(self) -> Iterator[Pretokens]:
        """Yield the counts: one part per table under a cap, else one part."""
        tables = [self._tables.get() for _ in range(self._workers)]
        self._fill()
        while len(tables) > 1 and not self._cap:
            tables[0].add(tables.pop())
        for table in tables:
            if len(counts := table.pretokens()):
                yield counts


def _capped_table(pattern: str, most_bytes: int, spill: Callable[[PretokenTable], None]) -> PretokenTable:
    """Return a table that is given to `spill`, and begins again, when it would outgrow `most_bytes`."""
    from impls.count.jit import PretokenTable
    from impls.kernels.count import ENTRIES

    class CappedTable(PretokenTable):
        def _grow(self, at_least: int) -> None:
            grown = self._table.nbytes + len(self._pool) + max(self._table.nbytes, len(self._pool), at_least)
            if grown <= most_bytes or not self._state[ENTRIES]:
                super()._grow(at_least)
                return
            spill(self)
            PretokenTable.__init__(self, pattern)

    return CappedTable(pattern)


def _count_alone(loaded: Loaded, counter: Counter, pattern: str) -> Pretokens:
    return counter(loaded.text, pattern=pattern, special_tokens=loaded.special_tokens, workers=1)


def mapping_tally(counter: Counter, pattern: str, cap: Cap | None) -> MappingTally:
    """Return a tally that counts each block with `counter`, in the thread that adds the block."""
    return MappingTally(partial(_count_alone, counter=counter, pattern=pattern), cap)


@contextmanager
def process_tally(pattern: str, workers: int, cap: Cap | None) -> Iterator[MappingTally]:
    """Yield a tally that counts the blocks in several processes, for patterns without a compiled scan."""
    from impls.count.process_pool import count_range, processes

    with processes(workers) as pool:
        with blocked([signal.SIGINT]):  # All processes start here, not in the threads that add blocks.
            for _ in range(workers):
                pool.submit(int)

        def count(loaded: Loaded) -> Pretokens:
            text, special_tokens = loaded.text, tuple(loaded.special_tokens)
            found = pool.submit(count_range, (text.start, text.stop), text, pattern, special_tokens)
            return Pretokens.from_mapping({pretoken.encode(): number for pretoken, number in found.result().items()})

        yield MappingTally(count, cap)
