"""Measurements: sides that do the same work, and rows, each of which is one number computed from a round.

All sides of a measurement run once per round, ours first, each in a process of its own. Outputs that must agree carry
the same label; a side that is only there as a witness for an output runs once and is not timed.
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
        name: unique in the measurement.
        task: a name of `tasks.TASKS`.
        arguments: of the task.
        output: label of the output; outputs with the same label must be equal; empty if there is nothing to compare
            with.
        warm: None measures the whole process from before its start; otherwise the task is done once before the clock
            starts, with these arguments in place of its own.
        repeats: how often the task is prepared and timed in the process; the median counts.
        cpus: how many cores the process may use; 0 for all.
        empty_cache: start without compiled code.
        witness: is there for its output alone: runs in the first round only and is not timed.
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
    """One number of a round.

    Attributes:
        work: what was done, in words.
        value: computes the number.
        sides: the names of the two sides whose medians are shown, ours first; the second may be empty.
        bar: the number to reach; None where there is none.
        at_least: whether the number must be at least the bar, else at most.
        unit: "x", "s" or nothing.
        metric: the figure of the sides that is shown.
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
    """Return the row of a quotient of figures: the other's by ours, or ours by the other's without `at_least`."""
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
    """Return the row of the log-log slope of time against bytes, of the line of least squares."""

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
