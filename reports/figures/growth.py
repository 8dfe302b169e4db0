"""The growth of time with a size, and the rates of encoders in several units."""

from __future__ import annotations

from typing import NamedTuple

import pandas as pd

from reports.figures.fit import SPAN, growth
from reports.figures.studies import curve
from reports.figures.tables import Table
from reports.figures.values import Cell, Value
from reports.records import Study

LARGE = 825e9
"""Size in bytes of a large corpus, for which a time is computed but not measured."""


class Growth(NamedTuple):
    """The exponent with which the time of a series grows."""

    stage: str
    series: str
    exponent: Value


def _exponent(points: pd.DataFrame) -> tuple[Value | None, int]:
    """Return the exponent of a series with its interval, None for a single point, and the number of points."""
    slope = growth(curve(points))
    if slope is None:
        return None, 1
    if slope.n == 2:
        return Value(slope.value, "power"), 2
    return Value(slope.value, "power", slope.low, slope.high), slope.n


def slopes(study: Study) -> Table:
    """Return the fitted growth of each series."""
    rows: list[list[Cell]] = []
    for series, points in study.points.groupby("series", sort=False):
        exponent, n = _exponent(points)
        rows.append([str(series), exponent or "one point", Value(n, "points")])
    return Table(["series", f"time ~ {study.x} to the power (95 % interval)", "points"], rows)


def of_the_fastest(points: pd.DataFrame) -> list[Growth]:
    """Return, for each stage, the growth of the implementation that is the fastest on the largest text."""
    found = []
    for stage in dict.fromkeys(points["stage"]):
        rows = points[points["stage"] == stage]
        fastest = rows[rows["x"] == rows["x"].max()].sort_values("median").iloc[0]["series"]
        exponent, _ = _exponent(rows[rows["series"] == fastest])
        if exponent:
            found.append(Growth(stage, fastest, exponent))
    return found


class Reach(NamedTuple):
    """The largest text of a study divided by the smallest text of the fit: the sizes, and the unique pretokens."""

    text: Value
    unique: Value


def reach(points: pd.DataFrame) -> Reach | None:
    """Return the two ratios that explain why training hardly grows with the text; None if the study lacks them."""
    rows = points[points["stage"] == "train"].sort_values("x", kind="stable")
    rows = rows[rows["x"] * SPAN >= rows["x"].max()]
    if rows["x"].nunique() < 2:
        return None
    first, last = rows.iloc[0], rows.iloc[-1]
    factors = (float(last[name] / first[name]) for name in ("x", "unique_pretokens"))
    return Reach(*(Value(factor, "x") for factor in factors))


def rates(points: pd.DataFrame) -> Table:
    """Return the rate of each encoder on its largest text in several units, and the time that LARGE bytes would take.

    This time is computed from the rate, not measured.
    """
    rows: list[list[Cell]] = []
    for series, some in points[points["stage"] == "encode"].groupby("series", sort=False):
        row = some.sort_values("x").iloc[-1]
        n_bytes, tokens, characters = (float(row[name]) for name in ("bytes", "output_length", "characters"))
        seconds = float(row["median"])
        rows.append([
            str(series), Value(n_bytes, "bytes"), Value(n_bytes / seconds / 1e6, "MB/s"),
            Value(tokens / seconds / 1e6, "M tokens/s"), Value(characters / seconds / 1e6, "M characters/s"),
            Value(n_bytes / tokens, "bytes per token"), Value(characters / tokens, "characters per token"),
            Value(LARGE / n_bytes * seconds / 3600, "h"),
        ])  # fmt: skip
    head = ["series", "text", "MB/s", "M tokens/s", "M characters/s", "bytes per token", "characters per token"]
    return Table([*head, ("time for ", Value(LARGE, "bytes"))], rows)
