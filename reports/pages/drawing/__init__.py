"""Drawings as SVG, with labelled axes and units. They follow the colours of the page and need no script.

No library of plots draws them, since such libraries draw in the browser with a script.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from reports.figures.series import Bars, Drawing, Flames, Lines, Stacks, Strips
from reports.pages.drawing.bars import bars
from reports.pages.drawing.lines import lines
from reports.pages.drawing.shares import flames, stacks
from reports.pages.drawing.strips import strips

_DRAWN: dict[type, Callable[[Any, str], str]] = {
    Lines: lines, Bars: bars, Stacks: stacks, Strips: strips, Flames: flames,
}  # fmt: skip


def svg(drawing: Drawing, label: str) -> str:
    """Return a drawing; `label` describes it to readers who do not see it."""
    return _DRAWN[type(drawing)](drawing, label)
