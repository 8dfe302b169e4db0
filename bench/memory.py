"""Resident memory of a process and its children over time, sampled from /proc."""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from pathlib import Path
from threading import Event, Thread
from time import perf_counter

PAGE = os.sysconf("SC_PAGE_SIZE")

INTERVAL = 0.002
"""Seconds between two samples."""


def children(process: int) -> list[int]:
    """Return the ids of all processes that a process or its child processes have started."""
    found: list[int] = []
    for listing in Path(f"/proc/{process}/task").glob("*/children"):
        try:
            direct = [int(word) for word in listing.read_text().split()]
        except OSError:
            continue
        for child in direct:
            found += [child, *children(child)]
    return found


def resident(process: int) -> int:
    """Return the resident size of a process in bytes; 0 when it has ended."""
    try:
        return int(Path(f"/proc/{process}/statm").read_text().split()[1]) * PAGE
    except (OSError, IndexError, ValueError):
        return 0


@dataclass
class Sampler:
    """A thread that samples the memory of a process and its children while the block runs.

    Memory that processes share is counted in each of them, so the sum is an upper bound.

    Attributes:
        samples: for each sample, seconds since the start, bytes of the process, and bytes of its children.
    """

    process: int = field(default_factory=os.getpid)
    interval: float = INTERVAL
    samples: list[tuple[float, int, int]] = field(default_factory=list)

    def __enter__(self) -> Sampler:
        """Start the thread that samples."""
        self._done, self._started = Event(), perf_counter()
        self._sample()
        self._thread = Thread(target=self._run, daemon=True)
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        """Take a last sample and stop the thread."""
        self._done.set()
        self._thread.join()
        self._sample()

    def _run(self) -> None:
        while not self._done.wait(self.interval):
            self._sample()

    def _sample(self) -> None:
        below = sum(map(resident, children(self.process)))
        self.samples.append((perf_counter() - self._started, resident(self.process), below))

    @property
    def peak(self) -> int:
        """The largest memory of the process and its children together, in bytes."""
        return max(own + below for _, own, below in self.samples)
