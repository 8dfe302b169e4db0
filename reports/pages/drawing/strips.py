"""Draws all samples as dots, one row per implementation."""

from __future__ import annotations

from html import escape

from reports.figures.series import Strip, Strips
from reports.figures.values import Value
from reports.pages.drawing.canvas import WIDTH, Scale, clipped, colours, grid, room, svg, text, title
from reports.pages.formats import write, write_number

ROW, BOTTOM, RIGHT = 30, 40, 30

LONGEST = 110
"""The largest width for names."""


def strips(drawing: Strips, label: str) -> str:
    """Draw a row of dots per strip, with a line at its median."""
    names = [clipped(strip.name, LONGEST) for strip in drawing.strips]
    left = max(map(room, names)) + 16
    scale = Scale(drawing.axis, [sample for strip in drawing.strips for sample in strip.samples])

    def across(value: float) -> float:
        return left + (WIDTH - left - RIGHT) * scale.place(value)

    bottom = ROW * len(names) + 4.0
    parts = []
    for tick, words in scale.ticks():
        parts.append(grid(across(tick), 0, across(tick), bottom))
        parts.append(text(across(tick), bottom + 14, words, "middle", ' class="tick"'))
    kinds = colours(strip.name for strip in drawing.strips)
    for place, (strip, name, kind) in enumerate(zip(drawing.strips, names, kinds, strict=True)):
        middle = ROW * place + 16.0
        parts += [
            f'<g class="strip" data-name="{escape(strip.name, quote=True)}">{title(_told(strip))}',
            text(0, middle + 4, name, "start", ' class="name"'),
        ]
        for index, sample in enumerate(strip.samples):
            # Dots are a little apart, in the order of the rounds, so that equal samples do not hide each other.
            high = middle - 8 + 16 * (index + 0.5) / len(strip.samples)
            parts.append(f'<circle class="{kind}" cx="{across(sample):.1f}" cy="{high:.1f}" r="2.2"></circle>')
        median = across(strip.median.number)
        parts += [grid(median, middle - 11, median, middle + 11, "median"), "</g>"]
    parts.append(text(left, bottom + 32, f"{drawing.axis.label} (log)", "start", ' class="quiet label"'))
    return svg(bottom + BOTTOM, label, parts)


def _told(strip: Strip) -> str:
    """Return the text that is shown when the mouse is over a row."""
    samples = ", ".join(write_number(sample, strip.median.unit) for sample in strip.samples)
    return f"{strip.name}: median {write(Value(strip.median.number, strip.median.unit))}; rounds in order: {samples}"
