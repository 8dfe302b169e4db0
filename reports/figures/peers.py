"""Other tokenizers beside ours: the ratios of the rounds, compared with their bars."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from statistics import median
from typing import Any

from reports.figures.series import Bar, Bars
from reports.figures.tables import Table
from reports.figures.values import Bound, Cell, Value

Measurement = Mapping[str, Any]
"""A measurement of a record of the kind peers."""

DIGITS = 3
"""Of a ratio: many are close to their bar."""

UNITS = {"peak_rss": "bytes"}
"""Of the metrics that are not in seconds."""


def ratios(measurements: list[Measurement]) -> Iterator[tuple[Measurement, Mapping[str, Any], Value]]:
    """Yield, for each row, its measurement, the row, and the median of its rounds with minimum and maximum."""
    for measurement in measurements:
        for row in measurement["rows"]:
            values = row["values"]
            yield measurement, row, Value(median(values), row["unit"], min(values), max(values), digits=DIGITS)


def side(measurement: Measurement, name: str, metric: str) -> Value | None:
    """Return the median of one side's samples; None if there is no such side."""
    for one in measurement["sides"]:
        if one["name"] == name and one["samples"]:
            return Value(median(sample[metric] for sample in one["samples"]), UNITS.get(metric, "s"))
    return None


def table(measurements: list[Measurement]) -> Table:
    """Return a row per ratio: bar, median, spread, both sides, verdict."""
    rows: list[list[Cell]] = []
    for measurement, row, value in ratios(measurements):
        bar = None if row["bar"] is None else Bound(Value(row["bar"], row["unit"], digits=DIGITS), row["at_least"])
        sides = [side(measurement, name, row["metric"]) for name in row["sides"]]
        rows.append([measurement["id"], row["work"], bar, value.alone, value.spread, *sides, row["verdict"]])
    return Table(["id", "work", "bar", "median", "spread", "ours", "other", "verdict"], rows)


def bars(measurements: list[Measurement]) -> Bars:
    """Return how many times as fast our side is, for the rows whose ratio says this."""
    return Bars([
        Bar(f"{measurement['id']} {row['work'].split(': ')[-1]}", value.alone)
        for measurement, row, value in ratios(measurements)
        if row["unit"] == "x" and row["at_least"]
    ])  # fmt: skip
