"""A plot as SVG that stands in a page: points with names, and axes with numbers."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from html import escape

from impls.inspection.blocks import Plot

WIDTH, HEIGHT = 640, 320
LEFT, RIGHT, TOP, BOTTOM = 64, 150, 16, 48

N_TICKS = 6


def plot(drawing: Plot) -> str:
    """Return the plot as SVG."""
    xs = _range([math.log10(x) for _, x, _ in drawing.points], 0.1)
    ys = _range([y for _, _, y in drawing.points], 0.1)
    parts = [*_axes(drawing, xs, ys), *_points(drawing, xs, ys)]
    label = escape(f"{drawing.title}: {drawing.y} over {drawing.x}", quote=True)
    return f'<svg viewBox="0 0 {WIDTH} {HEIGHT}" role="img" aria-label="{label}">{"".join(parts)}</svg>'


def _range(values: Sequence[float], margin: float) -> tuple[float, float]:
    """Return the ends of an axis, with some room around the values."""
    low, high = min(values), max(values)
    room = margin * (high - low) or 0.1 * abs(high) or 1.0
    return low - room, high + room


def _across(x: float, ends: tuple[float, float]) -> float:
    return LEFT + (WIDTH - LEFT - RIGHT) * (x - ends[0]) / (ends[1] - ends[0])


def _down(y: float, ends: tuple[float, float]) -> float:
    return TOP + (HEIGHT - TOP - BOTTOM) * (ends[1] - y) / (ends[1] - ends[0])


def _text(x: float, y: float, words: str, anchor: str = "middle", more: str = "") -> str:
    return f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}"{more}>{escape(words)}</text>'


def _line(x1: float, y1: float, x2: float, y2: float) -> str:
    return f'<line x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}"></line>'


def _axes(drawing: Plot, xs: tuple[float, float], ys: tuple[float, float]) -> Iterator[str]:
    bottom, right = HEIGHT - BOTTOM, WIDTH - RIGHT
    for power in range(math.floor(xs[0]), math.ceil(xs[1]) + 1):
        for factor in (1, 2, 5):
            if xs[0] <= math.log10(factor) + power <= xs[1]:
                place = _across(math.log10(factor) + power, xs)
                yield _line(place, TOP, place, bottom)
                yield _text(place, bottom + 16, f"{factor * 10.0**power:,.0f}")
    for tick in even_ticks(*ys):
        place = _down(tick, ys)
        yield _line(LEFT, place, right, place)
        yield _text(LEFT - 8, place + 4, f"{tick:.4g}", "end")
    middle = (TOP + bottom) / 2
    yield _text((LEFT + right) / 2, HEIGHT - 10, drawing.x)
    yield _text(14, middle, drawing.y, more=f' transform="rotate(-90 14 {middle:.1f})"')


def even_ticks(low: float, high: float) -> list[float]:
    """Return about N_TICKS numbers between two numbers: multiples of 1, 2 or 5 times a power of ten."""
    rough = (high - low) / N_TICKS
    scale = 10.0 ** math.floor(math.log10(rough))
    step = next(scale * factor for factor in (1, 2, 5, 10) if scale * factor >= rough * 0.999)
    return [step * number for number in range(math.ceil(low / step), math.floor(high / step) + 1)]


def _points(drawing: Plot, xs: tuple[float, float], ys: tuple[float, float]) -> Iterator[str]:
    for name, x, y in drawing.points:
        across, down = _across(math.log10(x), xs), _down(y, ys)
        said = escape(f"{name}: {x:,.0f} tokens, {y:.3f} {drawing.y}")
        yield f'<circle cx="{across:.1f}" cy="{down:.1f}" r="4"><title>{said}</title></circle>'
        yield _text(across + 8, down - 6, name if len(name) <= 24 else f"...{name[-21:]}", "start")
