"""Drawings as SVG that follow the page's colours: lines and bars, labelled axes with units, nothing else."""

from __future__ import annotations

import math
from collections.abc import Sequence
from html import escape

from reports.figures.series import Axis, Bars, Drawing, Line, Lines, Stacks
from reports.pages.formats import write, write_number

WIDTH, HEIGHT = 640, 340
LEFT, RIGHT, TOP, BOTTOM = 70, 32, 12, 46
COLOURS = 8
"""How many colours the page has, as CSS classes c0, c1 and so on."""

ROW = 24

MOST_TICKS = 6
"""About how many numbers stand along an axis."""

LONGEST_NAME = 34
"""How many letters of a bar's name are shown; the table beside the drawing has the whole name."""


def svg(drawing: Drawing, label: str) -> str:
    """Return a drawing; `label` describes it to readers who do not see it."""
    if isinstance(drawing, Lines):
        return _lines(drawing, label)
    return _bars(drawing, label) if isinstance(drawing, Bars) else _stacks(drawing, label)


def _log_ticks(low: float, high: float, most: int) -> list[float]:
    """Return powers of ten; if fewer than two fit, return 1, 2 and 5 times the powers: an axis needs two."""
    powers = range(math.floor(math.log10(low) + 1e-9), math.ceil(math.log10(high) - 1e-9) + 1)
    step = max(1, -(-len(powers) // most))
    coarse = [10.0**power for power in powers if power % step == 0]
    fine = [factor * 10.0**power for power in powers for factor in (1, 2, 5)]
    for ticks in (coarse, fine):
        inside = [tick for tick in ticks if low * 0.999 <= tick <= high * 1.001]
        if len(inside) > 1:
            return inside
    return [low, high]


def _even_ticks(low: float, high: float, most: int) -> list[float]:
    """Return multiples of 1, 2 or 5 times a power of ten."""
    if high <= low:
        return [low]
    rough = (high - low) / most
    scale = 10.0 ** math.floor(math.log10(rough))
    step = next(scale * factor for factor in (1, 2, 5, 10) if scale * factor >= rough * 0.999)
    return [step * index for index in range(math.ceil(low / step - 1e-9), math.floor(high / step + 1e-9) + 1)]


class _Scale:
    """The range of an axis: from the smallest number, or from zero if it is not logarithmic, to the largest."""

    def __init__(self, axis: Axis, values: Sequence[float]) -> None:
        self.axis, self.low, self.high = axis, min(values), max(values)
        if axis.log and self.low == self.high:
            self.low, self.high = self.low / 1.3, self.high * 1.3
        elif not axis.log:
            self.low, self.high = min(0.0, self.low), self.high or 1.0

    def place(self, value: float) -> float:
        """Return where a number stands, from 0 to 1."""
        low, high = self.low, self.high
        if self.axis.log:
            value, low, high = math.log10(value), math.log10(low), math.log10(high)
        return (value - low) / (high - low) if high > low else 0.5

    def ticks(self) -> list[tuple[float, str]]:
        """Return the numbers to be shown along an axis, each with its text."""
        found = (_log_ticks if self.axis.log else _even_ticks)(self.low, self.high, MOST_TICKS)
        return [(tick, write_number(tick, self.axis.unit)) for tick in found]


def _text(x: float, y: float, text: str, anchor: str = "start", more: str = "") -> str:
    return f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}"{more}>{escape(text)}</text>'


def _grid(x1: float, y1: float, x2: float, y2: float) -> str:
    return f'<line class="grid" x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}"></line>'


def _bar(colour: int, x: float, y: float, width: float, height: float = 17) -> str:
    place = f'x="{x:.1f}" y="{y:.1f}" width="{width:.1f}" height="{height:.0f}"'
    return f'<rect class="c{colour % COLOURS}" {place}></rect>'


def _legend(names: Sequence[str], top: float) -> tuple[list[str], float]:
    parts, x, y = [], float(LEFT), top
    for index, name in enumerate(names):
        width = 30 + 7.2 * len(name)
        if x + width > WIDTH and x > LEFT:
            x, y = float(LEFT), y + 20
        parts.append(_bar(index, x, y - 10, 12, 12))
        parts.append(_text(x + 17, y, name))
        x += width
    return parts, y + 10


def _svg(height: float, label: str, parts: Sequence[str]) -> str:
    head = f'<svg viewBox="0 0 {WIDTH} {height:.0f}" role="img" aria-label="{escape(label, quote=True)}">'
    return "\n".join([head, *parts, "</svg>"])


def _shown(value: float, axis: Axis) -> bool:
    return value > 0 or not axis.log


def _drawable(drawing: Lines) -> list[Line]:
    """Return the lines without the points that a logarithmic axis cannot show: zero and below."""
    x, y = drawing.x, drawing.y
    rows = (Line(row.name, [p for p in row.points if _shown(p[0], x) and _shown(p[1], y)]) for row in drawing.lines)
    return [row for row in rows if row.points]


class _Frame:
    """A pair of axes with the room inside of them."""

    def __init__(self, drawing: Lines, rows: Sequence[Line]) -> None:
        self.x = _Scale(drawing.x, [x for row in rows for x, _ in row.points])
        self.y = _Scale(drawing.y, [y for row in rows for _, y in row.points])

    def across(self, x: float) -> float:
        """Return the horizontal place of a number, from the left edge."""
        return LEFT + (WIDTH - LEFT - RIGHT) * self.x.place(x)

    def down(self, y: float) -> float:
        """Return the vertical place of a number, from the top."""
        return TOP + (HEIGHT - TOP - BOTTOM) * (1 - self.y.place(y))

    def parts(self) -> list[str]:
        """Return grid, numbers and names of the axes."""
        parts = []
        for tick, text in self.y.ticks():
            place = self.down(tick)
            parts += [_grid(LEFT, place, WIDTH - RIGHT, place), _text(LEFT - 6, place + 4, text, "end")]
        for tick, text in self.x.ticks():
            place = self.across(tick)
            parts += [_grid(place, TOP, place, HEIGHT - BOTTOM), _text(place, HEIGHT - BOTTOM + 16, text, "middle")]
        middle = TOP + (HEIGHT - TOP - BOTTOM) / 2
        turned = f' transform="rotate(-90 14 {middle:.1f})"'
        parts.append(_text(LEFT + (WIDTH - LEFT - RIGHT) / 2, HEIGHT - 8, self.x.axis.label, "middle"))
        parts.append(_text(14, middle, self.y.axis.label, "middle", turned))
        return parts


def _lines(drawing: Lines, label: str) -> str:
    """Draw lines through points."""
    rows = _drawable(drawing)
    if not rows:
        return ""
    frame = _Frame(drawing, rows)
    parts = frame.parts()
    for index, row in enumerate(rows):
        places = [(frame.across(x), frame.down(y)) for x, y in row.points]
        path, colour = " ".join(f"{x:.1f},{y:.1f}" for x, y in places), index % COLOURS
        parts.append(f'<polyline class="c{colour}" points="{path}"></polyline>')
        if drawing.marks:
            parts += [f'<circle class="c{colour}" cx="{x:.1f}" cy="{y:.1f}" r="3"></circle>' for x, y in places]
    legend, height = _legend([row.name for row in rows], HEIGHT + 14.0)
    return _svg(height, label, [*parts, *legend])


def _bars(drawing: Bars, label: str) -> str:
    """Draw a bar per ratio, with its name before and its number after it."""
    names = [bar.name[:LONGEST_NAME] for bar in drawing.bars]
    lengths = [math.log10(max(bar.value.number, 1) * 1.3) for bar in drawing.bars]
    left = _room_for(names)
    room = (WIDTH - left - 90) / max(lengths)
    parts = []
    for index, (name, bar, length) in enumerate(zip(names, drawing.bars, lengths, strict=True)):
        parts.append(_text(0, ROW * index + 17, name))
        parts.append(_bar(0, left, ROW * index + 4, max(room * length, 0.5)))
        parts.append(_text(left + room * length + 6, ROW * index + 17, write(bar.value)))
    return _svg(ROW * len(names) + 4, label, parts)


def _room_for(names: Sequence[str]) -> float:
    """Return the width that the names before the bars need."""
    return 20 + 7.2 * max(map(len, names))


def _stacks(drawing: Stacks, label: str) -> str:
    """Draw a bar of shares per whole, with its name before and the whole after it."""
    names = [write(stack.name) for stack in drawing.stacks]
    left = _room_for(names)
    room = WIDTH - left - 80
    parts = []
    for index, (name, stack) in enumerate(zip(names, drawing.stacks, strict=True)):
        x, total = left, sum(stack.parts) or 1
        parts.append(_text(0, ROW * index + 17, name))
        for colour, part in enumerate(stack.parts):
            width = room * max(part, 0) / total
            parts.append(_bar(colour, x, ROW * index + 4, width))
            x += width
        parts.append(_text(left + room + 6, ROW * index + 17, write(stack.whole)))
    legend, height = _legend(drawing.names, ROW * len(names) + 22.0)
    return _svg(height, label, [*parts, *legend])
