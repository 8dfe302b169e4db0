"""Profiles two implementations with Python's own profiler, and puts the own times of functions side by side."""

from __future__ import annotations

import math
from collections import defaultdict
from typing import NamedTuple

from bench.calls import recorded, short_path, stats_in
from bench.code import module_of
from bench.inputs import Inputs
from bench.trial.timing import seconds_of
from bench.works import work_of
from impls.registry import Impl

SECONDS = 0.3
"""Short work is repeated for about so many seconds."""

MAX_REPEATS = 100

MOST_FUNCTIONS = 8

Own = dict[tuple[str, str], float]
"""(file, function) -> own seconds per call of the work."""


class Row(NamedTuple):
    """A function: its own seconds per call of the work, in the candidate and in the other implementation."""

    name: str
    seconds: float
    other_seconds: float


def own_times(impl: Impl, inputs: Inputs) -> Own:
    """Return the own time of each function of an implementation, which works in one thread."""
    work = work_of(impl, inputs, 1)
    repeats = min(max(1, math.ceil(SECONDS / seconds_of(work))), MAX_REPEATS)
    calls = [work.prepared() for _ in range(repeats)]
    with recorded() as profiler:
        for call in calls:
            call()
    found: Own = defaultdict(float)
    for (file, _, name), (_, _, own, _, _) in stats_in(profiler).items():
        found[short_path(file), name] += own / repeats
    return found


def side_by_side(candidate: Impl, other: Impl, inputs: Inputs) -> list[Row]:
    """Return the functions that have the most own time in either implementation, the most first.

    A function of `candidate` and a function of `other` share a row if they have the same name.
    """
    mine, theirs = map(module_of, (candidate, other))
    here: Own = defaultdict(float)
    for (file, name), own in own_times(candidate, inputs).items():
        here[theirs if file == mine else file, name] += own
    there = own_times(other, inputs)
    rows = [
        Row(
            name if file in (theirs, "~") else f"{name} ({file})",
            here.get((file, name), 0.0),
            there.get((file, name), 0.0),
        )
        for file, name in sorted(here.keys() | there.keys())
    ]
    return sorted(rows, key=lambda row: -max(row.seconds, row.other_seconds))[:MOST_FUNCTIONS]
