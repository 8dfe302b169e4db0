"""Compares the bottleneck of a small text with the bottleneck of a large text: shares of the stages by size."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

import pandas as pd

from impls.registry import STAGES, Impl, implementations
from reports.figures.series import Stack, Stacks
from reports.figures.tables import Table
from reports.figures.values import Cell, Value


def chains() -> dict[str, list[str]]:
    """Return a dict: pipeline, "pure Python" in one thread or "compiled" -> its series, one per stage."""
    rows = [row for stage in STAGES for row in implementations(stage)]
    return {
        "pure Python": _last([row for row in rows if not row.compiled and not row.parallel]),
        "compiled": _last([row for row in rows if row.compiled]),
    }


def _last(rows: Sequence[Impl]) -> list[str]:
    return list({row.stage: f"{row.stage}/{row.name}" for row in rows}.values())


class Downscaling(NamedTuple):
    """One pipeline: for each size of the text, the share of each stage and the stage that is the bottleneck."""

    name: str
    sizes: list[Value]
    bottlenecks: list[str]
    drawing: Stacks
    table: Table


def downscaling(points: pd.DataFrame) -> Iterator[Downscaling]:
    """Yield each pipeline for which the study of size measured all stages, at least at one size."""
    medians = {(row["series"], row["x"]): row["median"] for row in points.to_dict("records")}
    for name, series in chains().items():
        places = [x for x in dict.fromkeys(points["x"]) if all((one, x) in medians for one in series)]
        times = [[medians[one, place] for one in series] for place in places]
        sizes = [Value(place, "bytes") for place in places]
        largest = [STAGES[parts.index(max(parts))] for parts in times]
        stacks = [Stack(size, parts, Value(sum(parts), "s")) for size, parts in zip(sizes, times, strict=True)]
        rows: list[list[Cell]] = [
            [size, *(Value(part / sum(parts), "share") for part in parts), bottleneck]
            for size, parts, bottleneck in zip(sizes, times, largest, strict=True)
        ]
        if rows:
            table = Table(["text", *STAGES, "bottleneck"], rows)
            yield Downscaling(name, sizes, largest, Stacks(STAGES, stacks), table)
