"""The parts that all drawings share: texts, grids, legends, numbers along an axis, a colour per implementation."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from html import escape

from impls.registry import STAGES, implementations
from reports.figures.series import Axis
from reports.pages.formats import write_number

WIDTH = 460
"""The width of every drawing. Two drawings fit side by side, and one fits on a phone."""

LETTER = 6.7
"""The largest width of a usual letter in the font of the drawings, and of a wide letter."""

IMPLEMENTATIONS, OTHERS = 12, 6
"""How many colours the page has: classes c0 to c11 for implementations, c12 to c17 for all else."""

MOST_TICKS = 6
"""The approximate number of labelled numbers along an axis."""


def colour(name: str) -> int | None:
    """Return the colour of an implementation, the same in all drawings; None for any other name."""
    known = list(dict.fromkeys(row.name for stage in STAGES for row in implementations(stage)))
    short = name.split("/")[-1].split(",")[0]
    return known.index(short) % IMPLEMENTATIONS if short in known else None


def colours(names: Iterable[str]) -> list[str]:
    """Return the classes of some names in one drawing; if two names share a colour, the second name is dashed."""
    found: list[str] = []
    for name in names:
        index = colour(name)
        if index is None:
            index = IMPLEMENTATIONS + len(found) % OTHERS
        found.append(f"c{index} again" if f"c{index}" in found else f"c{index}")
    return found


def log_ticks(low: float, high: float, most: int = MOST_TICKS) -> list[float]:
    """Return the powers of ten in a range; if there are fewer than two, also 2 and 5 times powers of ten."""
    powers = range(math.floor(math.log10(low) + 1e-9), math.ceil(math.log10(high) - 1e-9) + 1)
    step = max(1, -(-len(powers) // most))
    coarse = [10.0**power for power in powers if power % step == 0]
    fine = [factor * 10.0**power for power in powers for factor in (1, 2, 5)]
    for ticks in (coarse, fine):
        inside = [tick for tick in ticks if low * 0.999 <= tick <= high * 1.001]
        if len(inside) > 1:
            return inside
    return [low, high]


def _even_ticks(low: float, high: float, most: int = MOST_TICKS) -> list[float]:
    """Return multiples of 1, 2 or 5 times a power of ten."""
    if high <= low:
        return [low]
    rough = (high - low) / most
    scale = 10.0 ** math.floor(math.log10(rough))
    step = next(scale * factor for factor in (1, 2, 5, 10) if scale * factor >= rough * 0.999)
    return [step * index for index in range(math.ceil(low / step - 1e-9), math.floor(high / step + 1e-9) + 1)]


class Scale:
    """The numbers along an axis. A logarithmic axis begins at the smallest value, any other axis begins at zero."""

    def __init__(self, axis: Axis, values: Sequence[float]) -> None:
        self.axis, self.low, self.high = axis, min(values), max(values)
        if axis.log and self.low == self.high:
            self.low, self.high = self.low / 1.3, self.high * 1.3
        elif not axis.log:
            self.low, self.high = min(0.0, self.low), self.high or 1.0

    def place(self, value: float) -> float:
        """Return the place of a number on the axis: 0 is the beginning, 1 is the end."""
        low, high = self.low, self.high
        if self.axis.log:
            value, low, high = math.log10(value), math.log10(low), math.log10(high)
        return (value - low) / (high - low) if high > low else 0.5

    def ticks(self) -> list[tuple[float, str]]:
        """Return the numbers to show along the axis, each with its text."""
        found = (log_ticks if self.axis.log else _even_ticks)(self.low, self.high)
        return [(tick, write_number(tick, self.axis.unit)) for tick in found]


def text(x: float, y: float, words: str, anchor: str = "start", more: str = "") -> str:
    """Return words at a place."""
    return f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}"{more}>{escape(words)}</text>'


def room(words: str) -> float:
    """Return the width that words need."""
    return LETTER * len(words)


def clipped(words: str, width: float) -> str:
    """Return as much of the words as fits into the width."""
    most = max(int(width / LETTER), 1)
    return words if len(words) <= most else f"{words[: most - 1].rstrip()}…"


def grid(x1: float, y1: float, x2: float, y2: float, kind: str = "grid") -> str:
    """Return a line."""
    return f'<line class="{kind}" x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}"></line>'


def box(kind: str, x: float, y: float, width: float, height: float = 12) -> str:
    """Return a rectangle."""
    place = f'x="{x:.1f}" y="{y:.1f}" width="{width:.1f}" height="{height:.0f}"'
    return f'<rect class="{kind}" {place}></rect>'


def title(words: str) -> str:
    """Return the element with the text that is shown when the mouse is over a part of a drawing."""
    return f"<title>{escape(words)}</title>"


def legend(names: Sequence[str], classes: Sequence[str], top: float, left: float = 0.0) -> tuple[list[str], float]:
    """Return boxes with names, and the height at which they end."""
    parts, x, y = [], left, top
    for name, kind in zip(names, classes, strict=True):
        words = clipped(name, WIDTH - left - 20)
        width = 28 + room(words)
        if x + width > WIDTH and x > left:
            x, y = left, y + 20
        parts.append(box(kind, x, y - 10, 12))
        parts.append(text(x + 17, y, words))
        x += width
    return parts, y + 10


def svg(height: float, label: str, parts: Sequence[str], more: str = "") -> str:
    """Return the whole drawing."""
    label = escape(label, quote=True)
    return "\n".join(
        [f'<svg viewBox="0 0 {WIDTH} {height:.0f}" role="img" aria-label="{label}"{more}>', *parts, "</svg>"]
    )
