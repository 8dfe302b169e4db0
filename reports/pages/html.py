"""The report as one self-contained HTML file. It can be read without a script; sorting and filtering need one."""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import cache
from importlib.resources import files
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup, escape
from pygments import highlight
from pygments.formatters import HtmlFormatter
from pygments.lexers import get_lexer_by_name

from reports.blocks import Figure, Report, Source, kind
from reports.figures.values import Bound, Cell, Link, Part, Small, Spread, Value
from reports.pages import drawing
from reports.pages.drawing.bars import AXIS
from reports.pages.formats import write

UP = "../../"
"""The path from a page to the root of the project, since pages lie in a folder of `reports/`."""

_CODE = re.compile(r"`([^`]+)`")

_ENDS = re.compile("<(!--|/?script)", re.IGNORECASE)
"""Text that would end or begin a script of the page, even inside a string or a pattern of the script."""

_STYLES = {"": "friendly", "dark": "github-dark"}
"""Colour scheme of the page -> the name of the style that Pygments gives to code."""


def environment(**filters: Callable[..., object]) -> Environment:
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
    """Return a cell as HTML: text between backticks is code, and only a `Link` becomes a link."""
    match cell:
        case tuple():
            return Markup("").join(map(marked_up, cell))
        case Link():
            return Markup('<a href="{}{}">{}</a>').format(UP, cell.path, cell.text)
        case Small():
            return Markup("<small>{}</small>").format(cell.text)
        case _:
            return Markup(_CODE.sub(r"<code>\1</code>", str(escape(write(cell)))))


def number(cell: Cell) -> float | None:
    """Return the number by which a cell is sorted, in the unit of the cell; None for words."""
    match cell:
        case Value() | Part():
            return cell.number
        case Spread():
            return cell.low
        case Bound():
            return cell.value.number
        case _:
            return None


def svg(figure: Figure) -> Markup:
    """Return the drawing of a figure."""
    return Markup(drawing.svg(figure.drawing, write(figure.caption)))


def source(block: Source) -> Markup:
    """Return lines of code as HTML, with classes for the colours of their parts."""
    return Markup(highlight(block.text, get_lexer_by_name(block.language), HtmlFormatter(nowrap=True)))


@cache
def tables_library() -> Markup:
    """Return the script of DataTables from the package `itables`, so that the page needs no network."""
    # DataTables makes a table sortable that can also be read without a script.
    module = files("itables").joinpath("html/dt_bundle.js").read_text("utf-8")
    return Markup(_ENDS.sub(r"\\x3c\1", module))


def code_colours(scheme: str) -> Markup:
    """Return the rules for the colours of code in a scheme of the page: light, or dark."""
    return Markup(HtmlFormatter(style=_STYLES[scheme]).get_style_defs("pre.code"))


def page(report: Report) -> str:
    """Return the page."""
    jinja = environment(text=marked_up, svg=svg, source=source, number=number)
    return jinja.get_template("index.html.j2").render(
        report=report, up=UP, library=tables_library(), code_colours=code_colours, **AXIS
    )
