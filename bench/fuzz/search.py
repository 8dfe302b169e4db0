"""The search: cases of one kind, one after the other, until the time is over or a case fails."""

from __future__ import annotations

from random import Random
from time import perf_counter
from typing import NamedTuple

from bench.fuzz.finding import Finding, minimised
from bench.fuzz.kind import Kind, verdict


class Searched(NamedTuple):
    """What the search of one kind did: number of cases, seconds, and the case that failed, if one did."""

    cases: int
    seconds: float
    finding: Finding | None


def search(name: str, kind: Kind, seed: int, seconds: float) -> Searched:
    """Check cases for about that many seconds, at least one; the first case that fails is minimised."""
    started, number, finding = perf_counter(), 0, None
    while finding is None and (number == 0 or perf_counter() - started < seconds):
        finding = try_case(name, kind, seed, number)
        number += 1
    return Searched(number, perf_counter() - started, finding)


def try_case(name: str, kind: Kind, seed: int, number: int) -> Finding | None:
    """Make and check the case of that number; return it, minimised, if it fails."""
    case = kind.make(Random(f"{name} {seed} {number}"))
    difference = verdict(kind, case)
    if difference is None:
        return None
    smaller = minimised(case, lambda one: verdict(kind, one) is not None)
    return Finding(name, seed, number, smaller, verdict(kind, smaller) or difference)
