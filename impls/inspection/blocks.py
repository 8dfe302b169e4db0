"""What a page is made of; no block knows whether it is shown on a terminal or in a browser."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Heading:
    """The title of the blocks that follow."""

    text: str


@dataclass(frozen=True)
class Sentences:
    """Sentences, one per line."""

    lines: Sequence[str]


@dataclass(frozen=True)
class Drawing:
    """Lines in which columns must stay aligned."""

    lines: Sequence[str]


@dataclass(frozen=True)
class Column:
    """A column of a table.

    Attributes:
        name: its head.
        is_number: whether its cells are aligned at the right.
        width: characters that it takes on a terminal, at least.
    """

    name: str
    is_number: bool = False
    width: int = 0


@dataclass(frozen=True)
class Table:
    """A table; each row has a cell per column."""

    title: str
    columns: Sequence[Column]
    rows: Sequence[Sequence[str]]


@dataclass(frozen=True)
class Boundaries:
    """A text cut into tokens.

    Attributes:
        label: what it is; may be empty.
        tokens: the tokens, ready to be shown.
    """

    label: str
    tokens: Sequence[str]


@dataclass(frozen=True)
class Plot:
    """Points with names in one pair of axes; the horizontal axis is logarithmic.

    Attributes:
        title: what is plotted.
        x, y: names of the axes.
        points: name, x above 0, y.
    """

    title: str
    x: str
    y: str
    points: Sequence[tuple[str, float, float]]


Block = Heading | Sentences | Drawing | Table | Boundaries | Plot
