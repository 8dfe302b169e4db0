"""The history of a case over all records of a machine, and the places where its time made a step.

Steps are found by a fitted model, as in asv and Otava, and not by a threshold. The logarithms of the times are
divided into runs, and each run has one level. The fit minimises the sum of two parts: the squared distances from the
levels, and a penalty for each further run (Jackson et al. 2005, An algorithm for optimal partitioning of data on an
interval, https://doi.org/10.1109/LSP.2001.838216). The library `ruptures` can do the same, but needs SciPy.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from itertools import pairwise
from typing import Any, NamedTuple

import numpy as np

from reports.figures.series import Axis, Line, Lines
from reports.figures.values import Value
from reports.records import Record, ladders

PENALTY = 6.0
"""A further run must save this number times the variance times the logarithm of the number of records."""

FEWEST = 5
"""A case with fewer points is one run: few points do not tell how much records differ without a step."""

LEAST_NOISE = 0.03
"""The least standard deviation that the logarithms of times in different records are taken to have."""

_NORMAL = 1.349
"""The distance between the quartiles of a normal distribution, in standard deviations."""


class Change(NamedTuple):
    """A step in the history of a case: how many times as long a call takes from one record on."""

    stage: str
    impl: str
    workload: str
    change: Value
    before: Record
    after: Record


Case = tuple[str, str, str]
"""Stage, workload and implementation."""


def noise(logs: Sequence[float]) -> float:
    """Return the standard deviation of neighbours in time, from the quartiles of their distances."""
    low, high = np.quantile(np.diff(logs), [0.25, 0.75])
    # From few distances, the quartiles are too close to each other.
    return max(float(high - low) / _NORMAL / math.sqrt(2) * (1 + 2 / len(logs)), LEAST_NOISE)


def steps(logs: Sequence[float], penalty: float) -> list[int]:
    """Return the first places of all runs but the first one.

    Args:
        logs: logarithms of times, oldest first.
        penalty: the amount by which a further run must lower the sum of squares.
    """
    sums, squares = (np.concatenate([[0.0], np.cumsum(values)]) for values in (logs, np.square(logs)))
    best, last = [-penalty], [0]
    for stop in range(1, len(logs) + 1):
        starts = np.arange(stop)
        within = squares[stop] - squares[starts] - (sums[stop] - sums[starts]) ** 2 / (stop - starts)
        costs = np.array(best) + within + penalty
        last.append(int(np.argmin(costs)))
        best.append(float(costs[last[-1]]))
    found, stop = [], len(logs)
    while stop:
        stop = last[stop]
        found.append(stop)
    return found[-2::-1]


def times(records: Sequence[Record]) -> dict[Case, list[tuple[int, float]]]:
    """Return (place of the record, median) of each case, for the records with the same corpus as the last one."""
    newest = {
        _case(row): row["corpus_sha256"] for *_, rows in ladders(records[-1]) for row in rows.to_dict("records")
    }
    found: dict[Case, list[tuple[int, float]]] = {case: [] for case in newest}
    for place, record in enumerate(records):
        for row in record.cases.to_dict("records"):
            if newest.get(_case(row)) == row["corpus_sha256"]:
                found[_case(row)].append((place, float(row["median"])))
    return found


def _case(row: Mapping[Any, Any]) -> Case:
    return row["stage"], row["workload"], row["impl"]


def _levels(points: Sequence[tuple[int, float]]) -> Iterator[list[tuple[int, float]]]:
    """Yield the runs of a case."""
    logs = [math.log(time) for _, time in points]
    cuts = steps(logs, PENALTY * noise(logs) ** 2 * math.log(len(logs))) if len(logs) >= FEWEST else []
    for start, stop in pairwise([0, *cuts, len(points)]):
        yield list(points[start:stop])


def _level(run: Sequence[tuple[int, float]]) -> float:
    return math.exp(float(np.mean([math.log(time) for _, time in run])))


def changes(records: Sequence[Record]) -> list[Change]:
    """Return all steps, the largest first."""
    found = []
    for (stage, workload, impl), points in times(records).items():
        for old, new in pairwise(_levels(points)):
            ratio = Value(_level(new) / _level(old), "x", decimals=2)
            found.append(Change(stage, impl, workload, ratio, records[old[-1][0]], records[new[0][0]]))
    return sorted(found, key=lambda one: -abs(math.log(one.change.number)))


def lines(records: Sequence[Record]) -> Iterator[tuple[str, str, Lines]]:
    """Yield (stage, workload, lines of its cases with fitted levels); times are divided by a case's last time."""
    by_ladder: dict[tuple[str, str], list[Line]] = {}
    for (stage, workload, impl), points in times(records).items():
        last = points[-1][1]
        levels = [(place + 1.0, _level(run) / last) for run in _levels(points) for place, _ in run]
        row = Line(impl, [(place + 1.0, time / last) for place, time in points], fit=levels)
        by_ladder.setdefault((stage, workload), []).append(row)
    axes = Axis("record, oldest first", "records", log=False), Axis("time beside the last", "x")
    for (stage, workload), rows in by_ladder.items():
        yield stage, workload, Lines(rows, *axes)
