"""The effects of faults under work: kills, full disks, lost folders, threads and forks."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import groupby
from typing import Any, NamedTuple

from reports.figures.tables import Table
from reports.figures.values import Cell, Value

COUNTS = ("runs", "before", "during", "after", "resumed")
"""Columns of a row of the record; `violations` has a line for each broken promise."""


class Disturbed(NamedTuple):
    """The faults of one kind."""

    fault: str
    table: Table


def disturbed(rows: Sequence[Mapping[str, Any]]) -> Iterator[Disturbed]:
    """Yield a table per kind of fault: a row per kind of work, and a last row with the sums if there are several."""
    for fault, group in groupby(rows, key=lambda row: str(row["fault"])):
        some = list(group)
        table = [_cells(str(row["work"]), [row]) for row in some]
        if len(some) > 1:
            table.append(_cells("all", some))
        yield Disturbed(fault, Table(["work", *COUNTS, "violations"], table))


def _cells(name: str, rows: Sequence[Mapping[str, Any]]) -> list[Cell]:
    counts = [sum(row[count] for row in rows) for count in COUNTS]
    return [name, *map(Value, counts), Value(sum(len(row["violations"]) for row in rows))]


def violations(rows: Sequence[Mapping[str, Any]]) -> list[str]:
    """Return a line for each broken promise."""
    return [f"{row['work']}, {row['fault']}: {line}" for row in rows for line in row["violations"]]
