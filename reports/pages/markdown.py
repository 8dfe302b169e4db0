"""The report as Markdown: all that the page shows but its drawings."""

from __future__ import annotations

from collections.abc import Sequence

from reports.blocks import Section
from reports.figures.values import Cell
from reports.pages.formats import write
from reports.pages.html import environment


def cell(content: Cell) -> str:
    """Return a cell of a table."""
    return write(content).replace("|", "\\|").replace("\n", " ")


def page(sections: Sequence[Section], records: Sequence[str]) -> str:
    """Return the text of some sections, made from records with these names."""
    template = environment(text=write, cell=cell).get_template("report.md.j2")
    return template.render(sections=sections, records=records)
