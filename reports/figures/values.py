"""Numbers with a unit and a spread, and the other kinds of cells of a table.

Units: "s" (seconds), "bytes", "x" (how many times as much), "share" (from 0 to 1), "h" (hours), "power" (an
exponent), rates such as "MB/s", quotients such as "bytes per token", or a noun in the plural for a count. Only
`reports.pages` turns a value into text.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, TypeAlias

import numpy as np


@dataclass(frozen=True)
class Spread:
    """Two ends of a range, in one unit."""

    low: float
    high: float
    unit: str = ""
    digits: int | None = None
    decimals: int | None = None


@dataclass(frozen=True)
class Value:
    """A number.

    Attributes:
        number: the number in the unit `unit`.
        unit: see above; empty for a plain number.
        low, high: the quartiles of the number, or the ends of its interval; None if the spread is not known.
        digits: how many significant digits to show of a ratio; by default, the unit decides.
        decimals: how many digits to show after the point; by default, the unit decides.
    """

    number: float
    unit: str = ""
    low: float | None = None
    high: float | None = None
    digits: int | None = None
    decimals: int | None = None

    def __post_init__(self) -> None:
        """Raise TypeError if a damaged record has something else in the place of a number."""
        for number in (self.number, self.low, self.high):
            if isinstance(number, str | bool | list | dict):
                raise TypeError(f"{type(number).__name__} in the place of a number")

    @property
    def alone(self) -> Value:
        """The number without its spread."""
        return replace(self, low=None, high=None)

    @property
    def spread(self) -> Spread:
        """The two ends of the spread; if the spread is not known, both ends are the number itself."""
        low, high = (self.number if end is None else end for end in (self.low, self.high))
        return Spread(low, high, self.unit, self.digits, self.decimals)

    @property
    def least(self) -> Value:
        """The lower end as a value."""
        return replace(self.alone, number=self.spread.low)

    @property
    def most(self) -> Value:
        """The upper end as a value."""
        return replace(self.alone, number=self.spread.high)


@dataclass(frozen=True)
class Part:
    """A number that is a part of a whole in the same unit."""

    number: float
    whole: float
    unit: str = ""

    @property
    def share(self) -> float:
        """The part divided by the whole."""
        return self.number / self.whole


@dataclass(frozen=True)
class Bound:
    """A limit that a value must reach, or must not exceed."""

    value: Value
    at_least: bool = True


@dataclass(frozen=True)
class Code:
    """A name or a place in the code."""

    text: str


@dataclass(frozen=True)
class Link:
    """Words that link to a file of the project; `path`: the file's path from the root, perhaps with an anchor."""

    text: str
    path: str


@dataclass(frozen=True)
class Small:
    """Words in small print: the name that the same row has in other tables."""

    text: str


@dataclass(frozen=True)
class Shares:
    """Names with their shares of a whole, the largest first."""

    items: tuple[tuple[str, float], ...]

    @property
    def total(self) -> float:
        """The sum of all shares."""
        return sum(share for _, share in self.items)


Cell: TypeAlias = "str | Value | Spread | Part | Bound | Code | Link | Small | Shares | tuple[Cell, ...] | None"
"""Content of a cell or of a sentence: words, a value, nothing (shown as a dash), or a tuple of these."""


def quartiles(samples: Sequence[float], unit: str) -> Value:
    """Return the median of samples with the lower and the upper quartile."""
    low, middle, high = np.quantile(samples, [0.25, 0.5, 0.75]).tolist()
    return Value(middle, unit, low, high)


def measured(row: Mapping[Any, Any], unit: str = "s") -> Value:
    """Return the median of a row with its quartiles: the columns median, q1, q3."""
    return Value(row["median"], unit, row["q1"], row["q3"])


def over(slow: Value, fast: Value, decimals: int | None = None) -> Value:
    """Return the ratio `slow` / `fast` with its spread.

    The spread begins at (lower quartile of `slow`) / (upper quartile of `fast`). It ends at (upper quartile of
    `slow`) / (lower quartile of `fast`).
    """
    gain, (a, b) = slow.number / fast.number, (slow.spread, fast.spread)
    return Value(gain, "x", a.low / b.high, a.high / b.low, decimals=decimals)
