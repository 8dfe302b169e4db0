"""Memory: by call site, over time, and compared with a prediction."""

from __future__ import annotations

from collections.abc import Iterable

import pandas as pd

from reports.figures.profiles import Digest, name_of, place
from reports.figures.series import Axis, Line, Lines
from reports.figures.tables import Table
from reports.figures.values import Cell, Code, Value

MOST_SITES = 3


def size(n_bytes: float) -> Value:
    """Return a number of bytes."""
    return Value(float(n_bytes), "bytes")


def sites(digests: Iterable[Digest]) -> Table:
    """Return the call sites that hold the most memory at the peak."""
    head = ["what", "workload", "peak", "call site", "where", "holds", "share"]
    return Table(head, [
        [
            name_of(digest), digest["workload"], size(digest["peak_bytes"]), Code(site["name"]), place(site),
            size(site["bytes"]), Value(site["bytes"] / digest["peak_bytes"], "share"),
        ]
        for digest in digests
        for site in digest["sites"][:MOST_SITES]
    ])  # fmt: skip


def over_time(digests: Iterable[Digest]) -> Lines:
    """Return resident memory, child processes included, over the time since the start."""
    drawn = [
        Line(name_of(digest), [(when, float(own + below)) for when, own, below in digest["memory"]])
        for digest in digests
    ]
    return Lines(drawn, Axis("time", "s", log=False), Axis("memory", "bytes", log=False), marks=False)


def resident(digests: Iterable[Digest]) -> Table:
    """Return resident memory before the work and at its peak."""
    rows: list[list[Cell]] = []
    for digest in digests:
        samples, peak = digest["memory"], digest["peak_bytes"]
        before, children = samples[0][1] + samples[0][2], max(below for *_, below in samples)
        sizes = map(size, (before, peak, peak - before, children))
        rows.append([name_of(digest), digest["workload"], *sizes, Value(samples[-1][0], "s")])
    return Table(["what", "workload", "before", "peak", "added", "children at most", "until"], rows)


def predicted(points: pd.DataFrame) -> Table:
    """Return the sizes of the trainer's arrays beside the rise of memory."""
    rows: list[list[Cell]] = []
    for row in points.to_dict("records"):
        rose, told = row["median"] - row["before_bytes"], row["predicted_bytes"]
        pretokens = Value(row["unique_pretokens"], "pretokens")
        rows.append([size(row["bytes"]), pretokens, size(told), size(rose), Value(rose / told, decimals=2)])
    return Table(["text", "unique pretokens", "sizes of the arrays", "memory rose by", "quotient"], rows)


def tensors(digests: Iterable[Digest]) -> Table:
    """Return the memory of the tensors of a training step beside the prediction from the shape of the model."""
    rows: list[list[Cell]] = []
    for digest in digests:
        held = digest["tensor_bytes"]
        ids = f"{held['batch_size']} x {held['block_size']}"
        for kind, counted in held["measured"].items():
            told = held["predicted"][kind]
            rows.append([name_of(digest), ids, kind, size(told), size(counted), Value(counted / told, decimals=3)])
    return Table(["what", "ids", "tensors", "predicted", "measured", "quotient"], rows)
