"""The report as one self-contained HTML file: read without script, sorted and filtered with it."""

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
"""From a page to the root of the project: pages lie in a folder of `reports/`."""

_CODE = re.compile(r"`([^`]+)`")

_ENDS = re.compile("<(!--|/?script)", re.IGNORECASE)
"""What would end a script of a page, or begin another one, where it stands inside of a string or a pattern."""

_STYLES = {"": "friendly", "dark": "github-dark"}
"""Scheme of the page -> style of its code, by the names of Pygments."""


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
    """Return a cell as HTML: text between backticks is code, and only a `Link` of ours leads anywhere."""
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
    """Return what a cell is sorted by, in its unit; None for words."""
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
    """Return lines of code with their parts marked for colours."""
    return Markup(highlight(block.text, get_lexer_by_name(block.language), HtmlFormatter(nowrap=True)))


@cache
def tables_library() -> Markup:
    """Return the module of DataTables that the package `itables` carries, which needs no network."""
    # DataTables makes sortable what is a readable table without script; a library of plots would draw it anew.
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
