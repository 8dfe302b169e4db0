"""Drawings as SVG that follow the page's colours: lines and bars, labelled axes with units, nothing else."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from html import escape
from typing import NamedTuple

WIDTH, HEIGHT = 640, 340
LEFT, RIGHT, TOP, BOTTOM = 70, 32, 12, 46
COLOURS = 8
"""How many colours the page has: classes c0, c1 ..."""

ROW = 24


class Line(NamedTuple):
    """A named row of (x, y)."""

    name: str
    points: Sequence[tuple[float, float]]


class Axis(NamedTuple):
    """What an axis shows, and how its numbers are written."""

    label: str
    write: Callable[[float], str]
    log: bool = True


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


def lines(rows: Sequence[Line], x: Axis, y: Axis, marks: bool = True) -> str:
    """Draw lines through points; a logarithmic axis leaves out what is not above zero."""
    drawable = ((row.name, [p for p in row.points if _shown(p[0], x) and _shown(p[1], y)]) for row in rows)
    kept = [Line(name, points) for name, points in drawable if points]
    if not kept:
        return ""
    low_x, high_x = _bounds([p[0] for row in kept for p in row.points], x.log)
    low_y, high_y = _bounds([p[1] for row in kept for p in row.points], y.log)
    inner_width, inner_height = WIDTH - LEFT - RIGHT, HEIGHT - TOP - BOTTOM

    def at(point: tuple[float, float]) -> tuple[float, float]:
        return (
            LEFT + inner_width * _place(point[0], low_x, high_x, x.log),
            TOP + inner_height * (1 - _place(point[1], low_y, high_y, y.log)),
        )

    parts = []
    for tick in _ticks(low_y, high_y, y.log, 6):
        _, place = at((high_x, tick))
        parts.append(_grid(LEFT, place, WIDTH - RIGHT, place))
        parts.append(_text(LEFT - 6, place + 4, y.write(tick), "end"))
    for tick in _ticks(low_x, high_x, x.log, 6):
        place, _ = at((tick, high_y))
        parts.append(
            f'<line class="grid" x1="{place:.1f}" y1="{TOP}" x2="{place:.1f}" y2="{HEIGHT - BOTTOM}"></line>'
        )
        parts.append(_text(place, HEIGHT - BOTTOM + 16, x.write(tick), "middle"))
    parts.append(_text(LEFT + inner_width / 2, HEIGHT - 8, x.label, "middle"))
    middle = TOP + inner_height / 2
    parts.append(_text(14, middle, y.label, "middle", f' transform="rotate(-90 14 {middle:.1f})"'))
    for index, row in enumerate(kept):
        places = [at(point) for point in row.points]
        path = " ".join(f"{px:.1f},{py:.1f}" for px, py in places)
        parts.append(f'<polyline class="c{index % COLOURS}" points="{path}"></polyline>')
        if marks:
            parts += [
                f'<circle class="c{index % COLOURS}" cx="{px:.1f}" cy="{py:.1f}" r="3"></circle>' for px, py in places
            ]
    legend, height = _legend([row.name for row in kept], HEIGHT + 14.0)
    return _svg(height, f"{y.label} by {x.label}", [*parts, *legend])


def bars(rows: Sequence[tuple[str, float, str]], label: str, log: bool = False) -> str:
    """Draw a bar a row: name, value, what is written behind it. Logarithmic bars begin at one."""
    largest = max(value for _, value, _ in rows)
    name_width = 20 + 7.2 * max(len(name) for name, _, _ in rows)
    room = WIDTH - name_width - 90
    parts = []
    for index, (name, value, text) in enumerate(rows):
        share = math.log10(max(value, 1) * 1.3) / math.log10(max(largest, 1) * 1.3) if log else value / (largest or 1)
        y = ROW * index
        parts.append(_text(0, y + 17, name))
        parts.append(_bar(0, name_width, y + 4, max(room * share, 0.5)))
        parts.append(_text(name_width + room * share + 6, y + 17, text))
    return _svg(ROW * len(rows) + 4, label, parts)


def stacked(rows: Sequence[tuple[str, Sequence[float], str]], names: Sequence[str], label: str) -> str:
    """Draw a bar of shares a row: name, the parts in the order of `names`, what is written behind it."""
    name_width = 20 + 7.2 * max(len(name) for name, _, _ in rows)
    room = WIDTH - name_width - 80
    parts = []
    for index, (name, values, text) in enumerate(rows):
        y, x, total = ROW * index, name_width, sum(values) or 1
        parts.append(_text(0, y + 17, name))
        for colour, value in enumerate(values):
            width = room * max(value, 0) / total
            parts.append(_bar(colour, x, y + 4, width))
            x += width
        parts.append(_text(name_width + room + 6, y + 17, text))
    legend, height = _legend(names, ROW * len(rows) + 22.0)
    return _svg(height, label, [*parts, *legend])
