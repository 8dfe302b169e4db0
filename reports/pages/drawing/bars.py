"""Bars of ratios, which begin at 1: a ratio above 1 runs to the right, and a ratio below 1 runs to the left."""

from __future__ import annotations

from collections.abc import Callable
from html import escape

from reports.figures.series import Axis, Bar, Bars, Limits
from reports.pages.drawing.canvas import WIDTH, Scale, box, clipped, colours, grid, log_ticks, room, svg, text, title
from reports.pages.formats import write, write_number

ROW, BOTTOM, EDGE = 40, 40, 10

AFTER = 64
"""Width of the room after the longest bar, for its number."""

BOLD, SMALL = 1.12, 0.86
"""The widths of bold and of small letters, divided by the width of usual letters."""

MINUS = "\N{MINUS SIGN}"

SPAN = WIDTH - EDGE - AFTER
"""The length of the axis."""

LEAST, MOST = 0.95, 2.0
"""The axis covers at least these ratios, even if all bars are shorter."""

AXIS = {"edge": EDGE, "span": SPAN, "least": LEAST, "most": MOST}
"""The sizes that the page's script needs to draw the bars over another baseline."""

Across = Callable[[float], float]


def bars(drawing: Bars, label: str) -> str:
    """Draw a bar per ratio below its name, with its spread and its number."""
    low, high = drawing.limits or _ends(drawing)
    scale = Scale(Axis(drawing.label, "x"), [min(low, LEAST), max(high, MOST)])

    def across(value: float) -> float:
        return EDGE + SPAN * scale.place(value)

    bottom = ROW * len(drawing.bars) + 2.0
    parts = []
    for tick in log_ticks(scale.low, scale.high):
        parts.append(grid(across(tick), 0, across(tick), bottom, "grid one" if tick == 1 else "grid"))
        parts.append(text(across(tick), bottom + 14, write_number(tick, "x"), "middle", ' class="tick"'))
    kinds = colours(bar.name for bar in drawing.bars) if _is_ladder(drawing) else ["c12"] * len(drawing.bars)
    for place, (bar, kind) in enumerate(zip(drawing.bars, kinds, strict=True)):
        parts += _bar(bar, kind, ROW * place, across)
    parts.append(text(0, bottom + 32, f"{drawing.label} (log)", "start", ' class="quiet label"'))
    return svg(bottom + BOTTOM, label, parts, ' class="ladder"' if _is_ladder(drawing) else "")


def _ends(drawing: Bars) -> Limits:
    spreads = [bar.value.spread for bar in drawing.bars]
    return min(1.0, *(spread.low for spread in spreads)), max(1.0, *(spread.high for spread in spreads))


def _is_ladder(drawing: Bars) -> bool:
    """Tell whether a reader can choose another baseline: the times of all bars are known."""
    return all(bar.time for bar in drawing.bars)


def _bar(bar: Bar, kind: str, top: float, across: Across) -> list[str]:
    """Return the name of a bar with its note, and below them the bar with its spread and its number."""
    ratio, spread = bar.value, bar.value.spread
    start, end = sorted((across(1.0), across(ratio.number)))
    low, high = across(spread.low), across(spread.high)
    step = f"step {write(bar.step)}" if bar.step else ""
    name = clipped(bar.name, WIDTH / (BOLD if bar.time else SMALL))
    after = BOLD * room(name) + 6
    note = clipped(f"{MINUS} {bar.note}", (WIDTH - after - room(step) - 6) / SMALL) if bar.note else ""
    loss = " loss" if ratio.number < 1 else ""
    data = ""
    if bar.time:
        times = (bar.time.number, bar.time.spread.low, bar.time.spread.high)
        data = f' data-name="{escape(bar.name, quote=True)}" data-times="{",".join(map(repr, times))}"'
    return [
        f'<g class="bar{loss}"{data}>',
        title(_told(bar)),
        text(0, top + 12, name, "start", ' class="name"' if bar.time else ' class="work"'),
        *([text(after, top + 12, note, "start", ' class="quiet"')] if note else []),
        *([text(WIDTH, top + 12, step, "end", ' class="step"')] if step else []),
        box(kind, start, top + 17, max(end - start, 1.0)),
        f'<path class="spread" d="M{low:.1f} {top + 23:.1f}H{high:.1f}M{low:.1f} {top + 20:.1f}v6'
        f'M{high:.1f} {top + 20:.1f}v6"></path>',
        text(max(end, high) + 5, top + 27, write(ratio.alone), "start", ' class="value"'),
        "</g>",
    ]


def _told(bar: Bar) -> str:
    """Return the text that is shown when the mouse is over a bar: its spread and its samples."""
    said = f"{bar.name}: {write(bar.value.alone)} ({write(bar.value.least)} to {write(bar.value.most)})"
    if bar.note:
        said += f". Removes {bar.note}"
    if bar.time:
        said += f". Median {write(bar.time.alone)}"
    if bar.samples:
        said += f"; {len(bar.samples)} rounds: {', '.join(write_number(one, 's') for one in sorted(bar.samples))}"
    return said
