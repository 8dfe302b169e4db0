"""Other tokenizers beside ours: the ratios of the rounds, compared with their bars."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from statistics import median
from typing import Any

from reports.figures.series import Bar, Bars
from reports.figures.tables import Table
from reports.figures.values import Bound, Cell, Small, Value

Measurement = Mapping[str, Any]
"""A measurement of a record of the kind peers."""

DIGITS = 3
"""Significant digits of a ratio: three, since many ratios are close to their bar."""

UNITS = {"peak_rss": "bytes"}
"""The units of the metrics that are not in seconds."""


_TRAINING = re.compile(r"^train(?! on\b)")

_SIZE = re.compile(r"[\d.]+ [KMG]B")


def work(measurement: Measurement, row: Mapping[str, Any], vocab_size: int) -> str:
    """Return the work of a row in full words. The record has "the same" or "it" for the work of an earlier row."""
    head, _, other = row["work"].rpartition(": ")
    if head.startswith("the same"):
        first = measurement["rows"][0]["work"].rpartition(": ")[0]
        head = first.replace("whole process", "warm process") if "warm" in head else first
    if size := _SIZE.search(measurement["rows"][0]["work"]):
        head = head.replace(" it ", f" {size[0]} ")
    head = _TRAINING.sub(f"train a {vocab_size:,} vocabulary", head)
    against = [name for name in (name.split(",")[0] for name in row["sides"][1:]) if name and other.startswith(name)]
    return f"{head}, against {other}" if against else ": ".join(filter(None, (head, other)))


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


def table(measurements: list[Measurement], vocab_size: int) -> Table:
    """Return a row per ratio: bar, median, spread, both sides, verdict."""
    rows: list[list[Cell]] = []
    for measurement, row, value in ratios(measurements):
        bar = None if row["bar"] is None else Bound(Value(row["bar"], row["unit"], digits=DIGITS), row["at_least"])
        sides = [side(measurement, name, row["metric"]) for name in row["sides"]]
        words, name = work(measurement, row, vocab_size), Small(measurement["id"])
        rows.append([words, bar, value.alone, value.spread, *sides, row["verdict"], name])
    return Table(["work", "bar", "median", "spread", "ours", "other", "verdict", "id"], rows)


def bars(measurements: list[Measurement], vocab_size: int) -> Bars:
    """Return a bar for each ratio that says how many times as fast or as small our side is."""
    rows = [
        Bar(work(measurement, row, vocab_size), value)
        for measurement, row, value in ratios(measurements)
        if row["unit"] == "x" and row["at_least"] and value.spread.low > 0
    ]
    return Bars(rows, "times as fast, or as small, as the other")
