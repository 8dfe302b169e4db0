"""The report as one self-contained HTML file."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup, escape

from reports.blocks import Figure, Section, kind
from reports.figures.values import Cell
from reports.pages import drawing
from reports.pages.formats import write

_CODE = re.compile(r"`([^`]+)`")


def environment(**filters: Callable[..., str]) -> Environment:
    """Return the templates with the filters that turn blocks and cells into text."""
    jinja = Environment(
        loader=FileSystemLoader(Path(__file__).parent / "templates"),
        autoescape=lambda name: bool(name and ".html" in name),
        trim_blocks=True,
        lstrip_blocks=True,
        undefined=StrictUndefined,
        keep_trailing_newline=True,
    )
    jinja.filters.update(kind=kind, **filters)
    return jinja


def marked_up(cell: Cell) -> Markup:
    """Return a cell as HTML: text between backticks is code."""
    return Markup(_CODE.sub(r"<code>\1</code>", str(escape(write(cell)))))


def svg(figure: Figure) -> Markup:
    """Return the drawing of a figure."""
    return Markup(drawing.svg(figure.drawing, write(figure.caption)))


def page(sections: Sequence[Section], records: Sequence[str]) -> str:
    """Return the HTML page of some sections; `records` are the names of the records that they are made from."""
    template = environment(text=marked_up, svg=svg).get_template("index.html.j2")
    return template.render(sections=sections, records=records)
