"""The times of two implementations that take turns on one text."""

from __future__ import annotations

from statistics import median
from time import perf_counter
from typing import NamedTuple

from bench.inputs import Inputs, inputs_of, shorter
from bench.turns import CALL_SECONDS, Budget, Comparison, Side, compare, timed
from bench.works import Work, work_of
from data.workloads import Workload
from impls.registry import Impl


class Clock:
    """A side that remembers its turns. A side that is much slower makes fewer calls per turn."""

    def __init__(self, side: Side, share: float = 1.0) -> None:
        """Take a side, and how many of the calls of a turn it makes."""
        self._side, self._share = side, share
        self.samples: list[float] = []

    def __call__(self, calls: int) -> float:
        """Take a turn of so many calls, or of its share of them; returns the seconds of the fastest."""
        self.samples.append(self._side(max(1, round(self._share * calls))))
        return self.samples[-1]


class Timed(NamedTuple):
    """Two implementations that took turns: median seconds of a turn's fastest call, and the comparison.

    The ratio is that of the candidate to the other one.
    """

    other: Impl
    seconds: float
    other_seconds: float
    comparison: Comparison


def seconds_of(work: Work) -> float:
    """Return the seconds of one call; the code of the work is loaded."""
    call = work.prepared()
    started = perf_counter()
    call()
    return perf_counter() - started


def fitting(workload: Workload, impl: Impl) -> Workload:
    """Return the workload on a beginning of its text that is short enough for many turns of an implementation."""
    work_of(impl, inputs_of(workload)).prepared()()
    while seconds_of(work_of(impl, inputs_of(workload))) > CALL_SECONDS and (cut := shorter(workload)):
        workload = cut
    return workload


def take_turns(candidate: Impl, other: Impl, inputs: Inputs, budget: Budget) -> Timed:
    """Compare two implementations; both have run once before."""
    works = [work_of(impl, inputs) for impl in (other, candidate)]
    seconds = [min(seconds_of(work), seconds_of(work)) for work in works]
    first, second = (
        Clock(timed(work.call, work.setup), min(seconds) / own) for work, own in zip(works, seconds, strict=True)
    )
    comparison = compare(first, second, budget)
    return Timed(other, median(second.samples), median(first.samples), comparison)
