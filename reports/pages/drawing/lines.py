"""Lines through points in one pair of axes."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from reports.figures.series import Axis, Line, Lines, Points
from reports.pages.drawing.canvas import WIDTH, Scale, colours, grid, legend, svg, text, title
from reports.pages.formats import write_number

HEIGHT = 270
LEFT, RIGHT, TOP, BOTTOM = 68, 26, 12, 46

MOST_SAMPLES = 12
"""The most samples of a point that are listed. Some points have thousands of samples."""


def lines(drawing: Lines, label: str) -> str:
    """Draw lines through points."""
    rows = _drawable(drawing)
    if not rows:
        return ""
    frame = _Frame(drawing, rows)
    parts, classes = frame.parts(), colours(row.name for row in rows)
    for kind, row in zip(classes, rows, strict=True):
        parts.append(f'<polyline class="{kind}" points="{frame.path(row.points)}"></polyline>')
        if row.fit:
            parts.append(f'<polyline class="{kind} fit" points="{frame.path(row.fit)}"></polyline>')
        if drawing.marks:
            parts += _marks(frame, drawing, row, kind)
    boxes, height = legend([row.name for row in rows], classes, HEIGHT + 14.0)
    return svg(height, label, [*parts, *boxes])


def _marks(frame: _Frame, drawing: Lines, row: Line, kind: str) -> Iterator[str]:
    """Yield a dot per point, with a text that lists the samples of the point."""
    for place, (x, y) in enumerate(row.points):
        samples = row.samples[place] if place < len(row.samples) else [y]
        told = ", ".join(write_number(sample, drawing.y.unit) for sample in sorted(samples)[:MOST_SAMPLES])
        more = f" and {len(samples) - MOST_SAMPLES} more" if len(samples) > MOST_SAMPLES else ""
        said = f"{row.name}, {drawing.x.label} {write_number(x, drawing.x.unit)}: {write_number(y, drawing.y.unit)}"
        dot = f'cx="{frame.across(x):.1f}" cy="{frame.down(y):.1f}" r="3"'
        yield f'<circle class="{kind}" {dot}>{title(f"{said}; {len(samples)} samples: {told}{more}")}</circle>'


def _drawable(drawing: Lines) -> list[Line]:
    """Return the lines without the points that a logarithmic axis cannot show: zero and below."""
    found = []
    for row in drawing.lines:
        kept = [place for place, (x, y) in enumerate(row.points) if _shown(x, drawing.x) and _shown(y, drawing.y)]
        samples = [row.samples[place] for place in kept] if row.samples else ()
        found.append(Line(row.name, [row.points[place] for place in kept], samples, row.fit))
    return [row for row in found if row.points]


def _shown(value: float, axis: Axis) -> bool:
    return value > 0 or not axis.log


class _Frame:
    """A pair of axes with the room inside of them."""

    def __init__(self, drawing: Lines, rows: Sequence[Line]) -> None:
        self.x = Scale(drawing.x, [x for row in rows for x, _ in row.points])
        self.y = Scale(drawing.y, [y for row in rows for _, y in row.points])

    def across(self, x: float) -> float:
        """Return the distance of a number from the left edge."""
        return LEFT + (WIDTH - LEFT - RIGHT) * self.x.place(x)

    def down(self, y: float) -> float:
        """Return the distance of a number from the top."""
        return TOP + (HEIGHT - TOP - BOTTOM) * (1 - self.y.place(y))

    def path(self, points: Points) -> str:
        """Return the points of a line."""
        return " ".join(f"{self.across(x):.1f},{self.down(y):.1f}" for x, y in points)

    def parts(self) -> list[str]:
        """Return grid, numbers and names of the axes."""
        parts = []
        for tick, words in self.y.ticks():
            place = self.down(tick)
            parts += [grid(LEFT, place, WIDTH - RIGHT, place), text(LEFT - 8, place + 4, words, "end")]
        for tick, words in self.x.ticks():
            place = self.across(tick)
            parts += [grid(place, TOP, place, HEIGHT - BOTTOM), text(place, HEIGHT - BOTTOM + 16, words, "middle")]
        middle = TOP + (HEIGHT - TOP - BOTTOM) / 2
        turned = f' class="quiet" transform="rotate(-90 12 {middle:.1f})"'
        across = LEFT + (WIDTH - LEFT - RIGHT) / 2
        parts.append(text(across, HEIGHT - 8, _named(self.x.axis), "middle", ' class="quiet"'))
        parts.append(text(12, middle, _named(self.y.axis), "middle", turned))
        return parts


def _named(axis: Axis) -> str:
    """Return the label of an axis. The unit stands beside the numbers."""
    return f"{axis.label} (log)" if axis.log else axis.label
