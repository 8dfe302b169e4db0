"""The report as Markdown, without drawings, without folded parts, and without the sections for the HTML page only."""

from __future__ import annotations

import re

from reports.blocks import Report
from reports.figures.values import Cell, Link
from reports.pages.formats import write
from reports.pages.html import UP, environment

_MARKUP = re.compile(r"(?P<code>`[^`]*`)|<(?=[A-Za-z/!?])|]\(")


def text(content: Cell) -> str:
    """Return words in which only `code` is markup, since a record may hold names with other markup in them."""
    if isinstance(content, tuple):
        return "".join(map(text, content))
    if isinstance(content, Link):
        return f"[{content.text}]({UP}{content.path})"
    words = re.sub("``+", "'", write(content)).replace("\n", " ")
    return _MARKUP.sub(lambda found: found["code"] or {"<": "&lt;", "](": "] ("}[found[0]], words)


def cell(content: Cell) -> str:
    """Return a cell of a table."""
    return text(content).replace("|", "\\|")


def page(report: Report) -> str:
    """Return the text."""
    return environment(text=text, cell=cell).get_template("report.md.j2").render(report=report, up=UP)
