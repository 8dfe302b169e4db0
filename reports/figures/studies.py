"""The figures of every study: medians with quartiles per value of the varied quantity, as a table and as lines."""

from __future__ import annotations

from typing import Any

import pandas as pd

from reports.figures.series import Axis, Line, Lines, Points
from reports.figures.tables import Table
from reports.figures.values import Cell, Value, measured
from reports.records import Study

LABELS = {"s": "time", "bytes": "memory"}
"""A dict: unit -> label of the vertical axis; for any other unit, the label is the unit."""


def is_numeric(study: Study) -> bool:
    """Tell whether the varied quantity is a number, so that it makes an axis."""
    return all(isinstance(x, int | float) for x in study.points["x"])


def line(name: str, points: pd.DataFrame) -> Line:
    """Return a series with its samples."""
    return Line(name, curve(points), points["samples"].tolist())


def curve(points: pd.DataFrame) -> Points:
    """Return (x, median) of a series."""
    return list(zip(points["x"].map(float), points["median"].map(float), strict=True))


def values(study: Study) -> Table:
    """Return medians with quartiles: a row per series, a column per value of x."""
    places = list(dict.fromkeys(study.points["x"]))
    rows = []
    for series, points in study.points.groupby("series", sort=False):
        cells = {row["x"]: _cell(row, study.unit) for row in points.to_dict("records")}
        rows.append([str(series), *(cells.get(place) for place in places)])
    return Table([f"by {study.x_label}", *(_place(place, study.x_unit) for place in places)], rows)


def _cell(row: dict[Any, Any], unit: str) -> Value:
    value = measured(row, unit)
    return value if len(row["samples"]) > 1 else value.alone


def _place(x: float | str, unit: str) -> Cell:
    return x if isinstance(x, str) else Value(x, unit)


def stages(study: Study) -> list[str]:
    """Return the stages whose implementations are the series."""
    return list(dict.fromkeys(series.split("/")[0] for series in study.points["series"]))


def lines(study: Study, stage: str = "") -> Lines:
    """Return the lines of a study, or of one of its stages, on logarithmic axes; memory has a linear one."""
    prefix = f"{stage}/" if stage else ""
    rows = study.points[study.points["series"].str.startswith(prefix)]
    drawn = [line(str(series).removeprefix(prefix), points) for series, points in rows.groupby("series", sort=False)]
    y = Axis(LABELS.get(study.unit, study.unit), study.unit, log=study.unit != "bytes")
    return Lines(drawn, Axis(study.x_label, study.x_unit), y)
