"""The report as Markdown: everything that the HTML page shows, apart from the drawings."""

from __future__ import annotations

import re
from collections.abc import Sequence

from reports.blocks import Section
from reports.figures.values import Cell
from reports.pages.formats import write
from reports.pages.html import environment

_MARKUP = re.compile(r"(?P<code>`[^`]*`)|<(?=[A-Za-z/!?])|]\(")


def text(content: Cell) -> str:
    """Escape all markup but `code`, since a record may hold names that a user chose."""
    words = re.sub("``+", "'", write(content)).replace("\n", " ")
    return _MARKUP.sub(lambda found: found["code"] or {"<": "&lt;", "](": "] ("}[found[0]], words)


def cell(content: Cell) -> str:
    """Return a cell of a table."""
    return text(content).replace("|", "\\|")


def page(sections: Sequence[Section], records: Sequence[str]) -> str:
    """Return the Markdown of some sections; `records` are the names of the records that they are made from."""
    template = environment(text=text, cell=cell).get_template("report.md.j2")
    return template.render(sections=sections, records=records)
