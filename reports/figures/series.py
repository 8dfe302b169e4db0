"""Series to be drawn: lines through points, bars, and bars of shares; their axes have a label and a unit."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple, TypeAlias

from reports.figures.values import Value

Points: TypeAlias = Sequence[tuple[float, float]]


class Axis(NamedTuple):
    """An axis: its label, its unit, and whether it is logarithmic."""

    label: str
    unit: str = ""
    log: bool = True


class Line(NamedTuple):
    """A named row of (x, y)."""

    name: str
    points: Points


@dataclass(frozen=True)
class Lines:
    """Lines in one pair of axes; `marks`: whether every point is marked."""

    lines: Sequence[Line]
    x: Axis
    y: Axis
    marks: bool = True


class Bar(NamedTuple):
    """A named ratio."""

    name: str
    value: Value


@dataclass(frozen=True)
class Bars:
    """A bar per ratio: lengths are logarithmic and begin at one."""

    bars: Sequence[Bar]


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


Drawing: TypeAlias = Lines | Bars | Stacks
