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
"""How many colours the page has: classes c0, c1 ..."""

ROW = 24

LONGEST_NAME = 34
"""Letters of the name of a bar; the table beside the drawing has all of them."""


def svg(drawing: Drawing, label: str) -> str:
    """Return a drawing; `label` says what it shows to those who do not see it."""
    if isinstance(drawing, Lines):
        return _lines(drawing, label)
    return _bars(drawing, label) if isinstance(drawing, Bars) else _stacks(drawing, label)


def _log_ticks(low: float, high: float, most: int) -> list[float]:
    """Return powers of ten, or 1, 2 and 5 times them where there is less than two: one number makes no axis."""
    powers = range(math.floor(math.log10(low) + 1e-9), math.ceil(math.log10(high) - 1e-9) + 1)
    step = max(1, -(-len(powers) // most))
    coarse = [10.0**power for power in powers if power % step == 0]
    fine = [factor * 10.0**power for power in powers for factor in (1, 2, 5)]
    for ticks in (coarse, fine):
        inside = [tick for tick in ticks if low * 0.999 <= tick <= high * 1.001]
        if len(inside) > 1:
            return inside
    return [low, high]


def _ticks(low: float, high: float, log: bool, most: int) -> list[float]:
    if log:
        return _log_ticks(low, high, most)
    if high <= low:
        return [low]
    rough = (high - low) / most
    scale = 10.0 ** math.floor(math.log10(rough))
    step_size = next(scale * factor for factor in (1, 2, 5, 10) if scale * factor >= rough * 0.999)
    first = math.ceil(low / step_size - 1e-9)
    return [step_size * index for index in range(first, math.floor(high / step_size + 1e-9) + 1)]


def _place(value: float, low: float, high: float, log: bool) -> float:
    if log:
        value, low, high = math.log10(value), math.log10(low), math.log10(high)
    return (value - low) / (high - low) if high > low else 0.5


def _bounds(values: Sequence[float], log: bool) -> tuple[float, float]:
    low, high = min(values), max(values)
    if log:
        return (low / 1.3, high * 1.3) if low == high else (low, high)
    return min(0.0, low), high or 1.0


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
    """Return the lines without points that a logarithmic axis cannot show: what is not above zero."""
    x, y = drawing.x, drawing.y
    rows = (Line(row.name, [p for p in row.points if _shown(p[0], x) and _shown(p[1], y)]) for row in drawing.lines)
    return [row for row in rows if row.points]


class _Frame:
    """A pair of axes with the room inside of them."""

    def __init__(self, drawing: Lines, rows: Sequence[Line]) -> None:
        self.x, self.y = drawing.x, drawing.y
        self.low_x, self.high_x = _bounds([x for row in rows for x, _ in row.points], self.x.log)
        self.low_y, self.high_y = _bounds([y for row in rows for _, y in row.points], self.y.log)

    def across(self, x: float) -> float:
        """Return how far to the right a number stands."""
        return LEFT + (WIDTH - LEFT - RIGHT) * _place(x, self.low_x, self.high_x, self.x.log)

    def down(self, y: float) -> float:
        """Return how far below the top a number stands."""
        return TOP + (HEIGHT - TOP - BOTTOM) * (1 - _place(y, self.low_y, self.high_y, self.y.log))

    def parts(self) -> list[str]:
        """Return grid, numbers and names of the axes."""
        parts = []
        for tick in _ticks(self.low_y, self.high_y, self.y.log, 6):
            place = self.down(tick)
            parts.append(_grid(LEFT, place, WIDTH - RIGHT, place))
            parts.append(_text(LEFT - 6, place + 4, write_number(tick, self.y.unit), "end"))
        for tick in _ticks(self.low_x, self.high_x, self.x.log, 6):
            place = self.across(tick)
            parts.append(_grid(place, TOP, place, HEIGHT - BOTTOM))
            parts.append(_text(place, HEIGHT - BOTTOM + 16, write_number(tick, self.x.unit), "middle"))
        middle = TOP + (HEIGHT - TOP - BOTTOM) / 2
        parts.append(_text(LEFT + (WIDTH - LEFT - RIGHT) / 2, HEIGHT - 8, self.x.label, "middle"))
        parts.append(_text(14, middle, self.y.label, "middle", f' transform="rotate(-90 14 {middle:.1f})"'))
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
    """Draw a bar per value, with its name before and its number after it."""
    rows = [(bar.name[:LONGEST_NAME], bar.value) for bar in drawing.bars]
    left = _room_for([name for name, _ in rows])
    room, largest = WIDTH - left - 90, max(value.number for _, value in rows)
    parts = []
    for index, (name, value) in enumerate(rows):
        share = _bar_share(value.number, largest, drawing.log)
        parts.append(_text(0, ROW * index + 17, name))
        parts.append(_bar(0, left, ROW * index + 4, max(room * share, 0.5)))
        parts.append(_text(left + room * share + 6, ROW * index + 17, write(value)))
    return _svg(ROW * len(rows) + 4, label, parts)


def _bar_share(value: float, largest: float, log: bool) -> float:
    """Return the length of a bar as a share of the longest one; logarithmic bars begin at one."""
    if log:
        return math.log10(max(value, 1) * 1.3) / math.log10(max(largest, 1) * 1.3)
    return value / (largest or 1)


def _room_for(names: Sequence[str]) -> float:
    """Return how much room the names before bars need."""
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
