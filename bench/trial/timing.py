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
    """A side that keeps the times of its turns. The slower of two sides makes fewer calls per turn."""

    def __init__(self, side: Side, share: float = 1.0) -> None:
        """Wrap a side; `share`: the share of the calls of a turn that the side makes."""
        self._side, self._share = side, share
        self.samples: list[float] = []

    def __call__(self, calls: int) -> float:
        """Take a turn with the side's share of `calls` calls; returns the seconds of the fastest call."""
        self.samples.append(self._side(max(1, round(self._share * calls))))
        return self.samples[-1]


class Timed(NamedTuple):
    """The result of turns: for both implementations, the median over turns of the fastest call, in seconds.

    The ratio of `comparison` is the time of the candidate divided by the time of `other`.
    """

    other: Impl
    seconds: float
    other_seconds: float
    comparison: Comparison


def seconds_of(work: Work) -> float:
    """Return the seconds of one call of work whose code is loaded already."""
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
    """Compare two implementations, whose code must be loaded already."""
    works = [work_of(impl, inputs) for impl in (other, candidate)]
    seconds = [min(seconds_of(work), seconds_of(work)) for work in works]
    first, second = (
        Clock(timed(work.call, work.setup), min(seconds) / own) for work, own in zip(works, seconds, strict=True)
    )
    comparison = compare(first, second, budget)
    return Timed(other, median(second.samples), median(first.samples), comparison)
