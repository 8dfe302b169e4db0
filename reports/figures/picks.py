"""Picks: the fastest implementation for each stage and size, compared with the second fastest."""

from __future__ import annotations

from typing import NamedTuple

import pandas as pd

from reports.figures.tables import Table
from reports.figures.values import Value, measured, over
from reports.records import start_seconds


class Pick(NamedTuple):
    """The fastest implementation of a stage at one size.

    Attributes:
        stage: the stage of the implementation.
        size: the size of the text in bytes.
        impl: the name of the fastest implementation.
        time: the median time of the fastest implementation.
        after: the second fastest implementation; empty if no other was measured.
        gain: the time of the second fastest divided by `time`; None if no other was measured.
    """

    stage: str
    size: Value
    impl: str
    time: Value
    after: str
    gain: Value | None

    @property
    def confidence(self) -> str:
        """Return "clear" if the quartiles of the fastest and the second fastest do not overlap, otherwise "open"."""
        if self.gain is None:
            return "alone: no other was measured"
        return "clear" if self.gain.spread.low > 1 else "open"


def picks(points: pd.DataFrame) -> list[Pick]:
    """Return the picks from the study of size, stage by stage."""
    found = []
    for (stage, n_bytes), some in points.groupby(["stage", "x"], sort=False):
        best, *others = some.sort_values("median").to_dict("records")
        after, gain = ("", None)
        if others:
            after, gain = others[0]["impl"], over(measured(others[0]), measured(best))
        size, time = Value(float(str(n_bytes)), "bytes"), measured(best).alone
        found.append(Pick(str(stage), size, best["impl"], time, after, gain))
    stages = list(dict.fromkeys(pick.stage for pick in found))
    return sorted(found, key=lambda pick: stages.index(pick.stage))


def lasting(points: pd.DataFrame) -> list[Pick]:
    """Return, for each stage, the smallest size from which on the same implementation is always the fastest."""
    found: dict[str, Pick] = {}
    for pick in picks(points):
        if pick.stage not in found or found[pick.stage].impl != pick.impl:
            found[pick.stage] = pick
    return list(found.values())


class Start(NamedTuple):
    """The time that a fresh process pays once for compiled code: to load cached code, or to compile the code."""

    loading: Value
    compiling: Value


def start(points: pd.DataFrame) -> Start:
    """Return the extra seconds of the first call of compiled code."""
    extra = start_seconds(points)
    return Start(Value(extra["cached_seconds"], "s"), Value(extra["compile_seconds"], "s"))


def table(points: pd.DataFrame) -> Table:
    """Return a row per stage and size."""
    head = ["stage", "text", "fastest", "median", "next", "ratio", "spread", "confidence"]
    return Table(head, [
        [
            pick.stage, pick.size, pick.impl, pick.time, pick.after or None,
            pick.gain and pick.gain.alone, pick.gain and pick.gain.spread, pick.confidence,
        ]
        for pick in picks(points)
    ])  # fmt: skip
