"""The gains from repeated pretokens and from more workers."""

from __future__ import annotations

from typing import NamedTuple

import pandas as pd

from reports.figures.tables import Table
from reports.figures.values import Cell, Value, measured, over

EVERY_OCCURRENCE, UNIQUE = "train/naive", "train/weighted"
"""Two trainers that differ in one idea: the second trainer works on unique pretokens with counts."""


def repetition(points: pd.DataFrame) -> Table:
    """Return, for each number of copies of the text, the speed-up of training on unique pretokens."""
    rows: list[list[Cell]] = []
    for copies, some in points.groupby("x", sort=False):
        by_name = {row["series"]: row for row in some.to_dict("records")}
        if EVERY_OCCURRENCE in by_name and UNIQUE in by_name:
            unique = by_name[UNIQUE]
            gain = over(measured(by_name[EVERY_OCCURRENCE]), measured(unique))
            repeats = unique["pretokens"] / unique["unique_pretokens"]
            rows.append([
                Value(float(str(copies)), "copies"), Value(repeats, "x", decimals=1), gain.alone, gain.spread,
            ])  # fmt: skip
    names = (name.split("/")[1] for name in (UNIQUE, EVERY_OCCURRENCE))
    return Table(["copies", "pretokens per unique one", " over ".join(names), "spread"], rows)


class Loss(NamedTuple):
    """A series that more workers make slower, with its speed-up, which is below one."""

    series: str
    workers: Value
    speedup: Value


def losses(points: pd.DataFrame) -> list[Loss]:
    """Return the cases in which several workers take longer than one worker."""
    rows = (row for row in workers(points).rows)
    return [
        Loss(str(series), n, gain)
        for series, n, _, gain, _ in rows
        if isinstance(n, Value) and isinstance(gain, Value) and gain.number < 1
    ]


def workers(points: pd.DataFrame) -> Table:
    """Return, for each number of workers, the speed-up and the efficiency, which is the speed-up per worker."""
    rows: list[list[Cell]] = []
    for series, some in points.groupby("series", sort=False):
        alone = some[some["x"] == 1]["median"].tolist()
        for row in some.to_dict("records"):
            gain = alone[0] / row["median"] if alone else None
            earned = [Value(gain, "x", decimals=2), Value(gain / row["x"], "share")] if gain else [None, None]
            rows.append([str(series), Value(row["x"], "workers"), Value(row["median"], "s"), *earned])
    return Table(["series", "workers", "median", "speed-up over one", "efficiency"], rows)
