"""The data of drawings: lines, bars, bars of shares, strips of samples, stacks of calls."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple, TypeAlias

from reports.figures.values import Value

Points: TypeAlias = Sequence[tuple[float, float]]

Limits: TypeAlias = tuple[float, float]
"""The ends of an axis."""


class Axis(NamedTuple):
    """An axis: its label, its unit, and whether it is logarithmic."""

    label: str
    unit: str = ""
    log: bool = True


class Line(NamedTuple):
    """A named series of points (x, y).

    Attributes:
        name: the name of the series.
        points: the points, in the order of x.
        samples: the samples of each point; empty if they are not known.
        fit: the points of a fitted model; empty if there is no model.
    """

    name: str
    points: Points
    samples: Sequence[Sequence[float]] = ()
    fit: Points = ()


@dataclass(frozen=True)
class Lines:
    """Lines in one pair of axes; `marks`: whether every point is marked."""

    lines: Sequence[Line]
    x: Axis
    y: Axis
    marks: bool = True


class Bar(NamedTuple):
    """A named ratio.

    Attributes:
        name: the name of the bar.
        value: the ratio, with its spread.
        note: a few words about the bar.
        step: the ratio to the bar before this one; None for the first bar.
        time: the time from which the ratio is computed, so that a reader can choose another baseline; may be None.
        samples: the samples of the time.
    """

    name: str
    value: Value
    note: str = ""
    step: Value | None = None
    time: Value | None = None
    samples: Sequence[float] = ()


@dataclass(frozen=True)
class Bars:
    """A bar per ratio. Lengths are logarithmic and begin at 1, so a ratio below 1 lies on the other side of 1."""

    bars: Sequence[Bar]
    label: str
    limits: Limits | None = None


class Strip(NamedTuple):
    """All samples of one case, with their median."""

    name: str
    samples: Sequence[float]
    median: Value


@dataclass(frozen=True)
class Strips:
    """Rows of dots, one row per strip, along one axis."""

    strips: Sequence[Strip]
    axis: Axis


class Stack(NamedTuple):
    """A whole with a name or a size, and its parts in the unit of the whole."""

    name: str | Value
    parts: Sequence[float]
    whole: Value


@dataclass(frozen=True)
class Stacks:
    """A bar of shares per whole; `names`: the names of the parts, in the order of the parts."""

    names: Sequence[str]
    stacks: Sequence[Stack]


class Frame(NamedTuple):
    """A function in a stack of calls: its depth, and the start and the end of its share of the time."""

    name: str
    depth: int
    start: float
    end: float


@dataclass(frozen=True)
class Flames:
    """Stacks of calls. A caller is above the functions that it calls; shares of the whole run from 0 to 1."""

    frames: Sequence[Frame]
    whole: Value


Drawing: TypeAlias = Lines | Bars | Stacks | Strips | Flames
