"""A measurement has sides, which do the same work, and rows: a row is one number, computed from each round.

All sides of a measurement run once per round, our side first, each in a process of its own. Outputs with the same
label must be equal. A witness is a side that only shows which output is right: it runs once and is not timed.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np

MEGABYTE = 1_000_000

Outcome = Mapping[str, Any]
"""The report of a process: seconds, peak_rss and n_bytes (bytes), n, digest, samples (seconds)."""

Round = Mapping[str, Outcome]
"""The outcome of each side, by the name of the side."""

Metric = Literal["seconds", "peak_rss"]


@dataclass(frozen=True)
class Side:
    """One piece of work in a process of its own.

    Attributes:
        name: the name of the side, unique in its measurement.
        task: a name of `tasks.TASKS`.
        arguments: the arguments of the task.
        output: the label of its output. Outputs with the same label must be equal. Empty if there is no other output
            to compare with.
        warm: with None, the time begins before the process starts. Otherwise the task is first done untimed, with the
            arguments given here in place of its own.
        repeats: how often the task is prepared and timed in the process; the median counts.
        cpus: how many cores the process may use; 0 for all.
        empty_cache: whether the process starts without compiled code in the cache.
        witness: whether the side is there only for its output: then it runs in the first round only and is not timed.
    """

    name: str
    task: str
    arguments: Mapping[str, Any] = field(default_factory=dict)
    output: str = ""
    warm: Mapping[str, Any] | None = None
    repeats: int = 1
    cpus: int = 0
    empty_cache: bool = False
    witness: bool = False


@dataclass(frozen=True)
class Row:
    """One number that is computed from each round.

    Attributes:
        work: what was done, in words.
        value: computes the number from the outcomes of a round.
        sides: the names of the two sides whose medians are shown, our side first; the second name may be empty.
        bar: the number to reach; None if there is no such number.
        at_least: true if the number must be at least the bar, false if it must be at most the bar.
        unit: "x", "s" or nothing.
        metric: which figure of the two sides is shown, "seconds" or "peak_rss".
    """

    work: str
    value: Callable[[Round], float]
    sides: tuple[str, str]
    bar: float | None = None
    at_least: bool = True
    unit: str = "x"
    metric: Metric = "seconds"


@dataclass(frozen=True)
class Measurement:
    """Sides that run in turn, and rows that are computed from their outcomes."""

    sides: tuple[Side, ...]
    rows: tuple[Row, ...]


def ratio(
    work: str, ours: str, other: str, bar: float | None = None, metric: Metric = "seconds", at_least: bool = True
) -> Row:
    """Return a row with the ratio of two sides: other / ours, or ours / other if `at_least` is false."""
    above, below = (other, ours) if at_least else (ours, other)
    return Row(
        work,
        lambda outcomes: float(outcomes[above][metric]) / float(outcomes[below][metric]),
        (ours, other),
        bar,
        at_least,
        metric=metric,
    )


def slope(stage: str, sizes: list[int], bar: float) -> Row:
    """Return a row with the slope of log(time) against log(bytes), fitted by least squares."""

    def value(outcomes: Round) -> float:
        seconds = [outcomes[f"{stage} {size}"]["seconds"] for size in sizes]
        return float(np.polyfit(np.log(sizes), np.log(seconds), 1)[0])

    return Row(
        f"{stage}: log-log slope of time, {sizes[0] / 1e6:,.0f} MB to {sizes[-1] / 1e6:,.0f} MB",
        value,
        (f"{stage} {sizes[-1]}", f"{stage} {sizes[0]}"),
        bar,
        at_least=False,
        unit="",
    )
