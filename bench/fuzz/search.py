"""The search checks cases of one kind, one after the other, until the time is over or a case fails."""

from __future__ import annotations

from random import Random
from time import perf_counter
from typing import NamedTuple

from bench.fuzz.finding import Finding, minimised
from bench.fuzz.kind import Kind, verdict


class Searched(NamedTuple):
    """The result of a search: number of cases, seconds after the first case, and the finding if a case failed."""

    cases: int
    seconds: float
    finding: Finding | None


def search(name: str, kind: Kind, seed: int, seconds: float) -> Searched:
    """Check cases until one of them fails or the time is over; a case that fails is minimised.

    The first case is not part of the time, since it may have to compile code.
    """
    finding, number, started = try_case(name, kind, seed, 0), 1, perf_counter()
    while finding is None and perf_counter() - started < seconds:
        finding = try_case(name, kind, seed, number)
        number += 1
    return Searched(number, perf_counter() - started, finding)


def try_case(name: str, kind: Kind, seed: int, number: int) -> Finding | None:
    """Make and check case `number`; if it fails, return it minimised, otherwise None."""
    case = kind.make(Random(f"{name} {seed} {number}"))
    difference = verdict(kind, case)
    if difference is None:
        return None
    smaller = minimised(case, lambda one: verdict(kind, one) is not None)
    return Finding(name, seed, number, smaller, verdict(kind, smaller) or difference)
