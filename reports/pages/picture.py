"""The ladder of training as a picture of its own, in the colours of the page: the README opens with it."""

from __future__ import annotations

from reports.blocks import Figure, Report
from reports.pages import drawing
from reports.pages.formats import write
from reports.pages.html import environment

STAGE = "train"

ALONE = "svg { color: var(--ink); background: var(--paper); }"


def page(report: Report) -> str:
    """Return the picture as SVG that needs no other file; an empty picture where the ladder was not measured."""
    figures = (block for block in report.front.blocks if isinstance(block, Figure))
    found = next((figure for figure in figures if figure.stage == STAGE), None)
    drawn = drawing.svg(found.drawing, write(found.caption)) if found else "<svg></svg>"
    head, inside = drawn.split(">", 1)
    rules = environment().get_template("drawing.css").render()
    return f'{head} xmlns="http://www.w3.org/2000/svg">\n<style>\n{rules}{ALONE}\n</style>{inside}\n'
