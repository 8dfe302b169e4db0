"""Where the time goes from a file to ids: the stages of a pipeline, and the merges of a training."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np
import pandas as pd

from reports.figures.series import Axis, Line, Lines, Points, Stack, Stacks
from reports.figures.tables import Table
from reports.figures.values import Cell, Part, Value


class Split(NamedTuple):
    """The share of each stage in the time on a text of one size, as a drawing and as a table."""

    size: Value
    drawing: Stacks
    table: Table


def stage_seconds(points: pd.DataFrame) -> dict[str, float]:
    """Return seconds per stage.

    The measured time of "count" includes reading and splitting the text: both are subtracted.
    """
    measured: dict[str, float] = dict(zip(points["x"], points["median"], strict=True))
    apart = max(measured["count"] - measured["read"] - measured["split"], 0.0)
    return {**measured, "count": apart}


def stages(points: pd.DataFrame) -> Iterator[Split]:
    """Yield the share of each stage of each pipeline, for each size of the text."""
    parts = list(dict.fromkeys(points["x"]))
    for n_bytes, some in points.groupby("bytes", sort=False):
        stacks: list[Stack] = []
        rows: list[list[Cell]] = []
        for series, own in some.groupby("series", sort=False):
            name, seconds = str(series).split(",")[0], stage_seconds(own)
            times = [seconds[part] for part in parts]
            total = Value(sum(times), "s")
            stacks.append(Stack(name, times, total))
            rows.append([name, *(Part(time, total.number, "s") for time in times), total])
        table = Table(["pipeline", *parts, "total"], rows)
        yield Split(Value(float(str(n_bytes)), "bytes"), Stacks(parts, stacks), table)


def merge_lines(points: pd.DataFrame) -> Iterator[tuple[Value, Lines]]:
    """Yield, for each size of the text, the time per merge of each trainer: medians of neighbouring merges."""
    for n_bytes, some in points.groupby("bytes", sort=False):
        drawn = [Line(row["impl"], neighbours(row["samples"])) for row in some.to_dict("records")]
        axes = Axis("merge", "merges"), Axis("time", "s")
        yield Value(float(str(n_bytes)), "bytes"), Lines(drawn, *axes, marks=False)


def neighbours(samples: Sequence[float]) -> Points:
    """Return the medians of groups of successive merges.

    Later groups are larger, so that all groups are equally wide on a logarithmic axis.
    """
    points, start = [], 0
    while start < len(samples):
        stop = min(len(samples), max(start + 1, int((start + 1) * 1.25)))
        points.append(((start + stop + 1) / 2, float(np.median(samples[start:stop]))))
        start = stop
    return points


def merges(points: pd.DataFrame) -> Table:
    """Return the times of the first and the last merges of each training."""
    rows: list[list[Cell]] = []
    for row in points.to_dict("records"):
        samples = row["samples"]
        tenth = max(len(samples) // 10, 1)
        times = np.median(samples[:tenth]), np.median(samples[-tenth:]), np.sum(samples), row["total_seconds"]
        rows.append([row["series"], Value(len(samples), "merges"), *(Value(float(time), "s") for time in times)])
    head = ["trainer", "merges", "first tenth, median", "last tenth, median", "sum of merges", "whole training"]
    return Table(head, rows)
