"""Series to be drawn: lines, bars, bars of shares, strips of samples, stacks of calls."""

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
    """A named row of (x, y).

    Attributes:
        name: of the row.
        points: in the order of x.
        samples: of each point, where there are some.
        fit: a model of the same row, where there is one.
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
        name: of the bar.
        value: the ratio, with its spread.
        note: a few words on it.
        step: the ratio to the bar before; None where there is none.
        time: of which it is the ratio, so that a reader can choose another baseline; None where there is none.
        samples: of the time.
    """

    name: str
    value: Value
    note: str = ""
    step: Value | None = None
    time: Value | None = None
    samples: Sequence[float] = ()


@dataclass(frozen=True)
class Bars:
    """A bar per ratio: lengths are logarithmic and begin at one, so that losses lie on the other side of it."""

    bars: Sequence[Bar]
    label: str
    limits: Limits | None = None


class Strip(NamedTuple):
    """All samples of something, with their median."""

    name: str
    samples: Sequence[float]
    median: Value


@dataclass(frozen=True)
class Strips:
    """A row of dots per strip, along one axis."""

    strips: Sequence[Strip]
    axis: Axis


class Stack(NamedTuple):
    """A whole with a name or a size, and its parts in the unit of the whole."""

    name: str | Value
    parts: Sequence[float]
    whole: Value


@dataclass(frozen=True)
class Stacks:
    """A bar of shares per whole; `names`: of the parts, in their order."""

    names: Sequence[str]
    stacks: Sequence[Stack]


class Frame(NamedTuple):
    """A function in a stack of calls: how deep it lies, and from where to where its share of the time runs."""

    name: str
    depth: int
    start: float
    end: float


@dataclass(frozen=True)
class Flames:
    """Stacks of calls, callers above what they call; shares of the whole run from 0 to 1."""

    frames: Sequence[Frame]
    whole: Value


Drawing: TypeAlias = Lines | Bars | Stacks | Strips | Flames
