"""Bars of shares of a whole, and stacks of calls as shares of their time."""

from __future__ import annotations

from reports.figures.series import Flames, Stacks
from reports.pages.drawing.canvas import (
    IMPLEMENTATIONS,
    OTHERS,
    WIDTH,
    box,
    clipped,
    colours,
    legend,
    room,
    svg,
    text,
    title,
)
from reports.pages.formats import percent, write, write_number

ROW = 24

FLAME = 19
"""The height of the box of a call."""

MOST_DEPTH = 14
"""The largest depth of calls that is drawn."""


def stacks(drawing: Stacks, label: str) -> str:
    """Draw a bar of shares per whole, with the name before the bar and the whole after the bar."""
    names = [write(stack.name) for stack in drawing.stacks]
    left = 12 + max(map(room, names))
    kinds, wide = colours(drawing.names), WIDTH - left - 66
    parts = []
    for index, (name, stack) in enumerate(zip(names, drawing.stacks, strict=True)):
        x, total = left, sum(stack.parts) or 1
        parts.append(text(0, ROW * index + 17, name))
        for kind, part_name, part in zip(kinds, drawing.names, stack.parts, strict=True):
            width = wide * max(part, 0) / total
            said = f"{name}, {part_name}: {write_number(part, stack.whole.unit)}, {percent(max(part, 0) / total)}"
            parts.append(f"<g>{title(said)}{box(kind, x, ROW * index + 4, width, 17)}</g>")
            x += width
        parts.append(text(left + wide + 6, ROW * index + 17, write(stack.whole)))
    boxes, height = legend(drawing.names, kinds, ROW * len(names) + 22.0, left)
    return svg(height, label, [*parts, *boxes])


def flames(drawing: Flames, label: str) -> str:
    """Draw calls as boxes below their callers, as wide as their share of the time."""
    parts, deepest = [], 0
    for frame in drawing.frames:
        if frame.depth < MOST_DEPTH:
            deepest = max(deepest, frame.depth)
            x, y, width = WIDTH * frame.start, FLAME * frame.depth, WIDTH * (frame.end - frame.start)
            said = f"{frame.name}: {percent(frame.end - frame.start)} of {write(drawing.whole)}"
            kind = f"c{IMPLEMENTATIONS + sum(map(ord, frame.name)) % OTHERS} flame"
            name = clipped(frame.name, width - 6) if width > 20 else ""
            words = text(x + 3, y + 13, name, "start", ' class="flame"') if name else ""
            parts.append(f"<g>{title(said)}{box(kind, x, y, max(width - 1, 0.5), FLAME - 1)}{words}</g>")
    return svg(FLAME * (deepest + 1) + 2, label, parts)
