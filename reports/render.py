"""From sections to pages: one self-contained HTML file, the same in Markdown, and the ladders for the terminal."""

from __future__ import annotations

import re
from pathlib import Path

import pandas as pd
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup, escape

from reports.blocks import Section
from reports.formats import digits, ratio, seconds
from reports.load import Evidence, Record, ladders
from reports.sections import sections

TEMPLATES = Path(__file__).parent / "templates"

PAGES = {"index.html": "index.html.j2", "report.md": "report.md.j2"}

_CODE = re.compile(r"`([^`]+)`")


def marked_up(text: object) -> Markup:
    """Return text as HTML: what stands between backticks is code."""
    return Markup(_CODE.sub(r"<code>\1</code>", str(escape(text))))


def cell(text: object) -> str:
    """Return text as a cell of a Markdown table."""
    return str(text).replace("|", "\\|").replace("\n", " ")


def environment() -> Environment:
    """Return the templates."""
    jinja = Environment(
        loader=FileSystemLoader(TEMPLATES),
        autoescape=lambda name: bool(name and ".html" in name),
        trim_blocks=True,
        lstrip_blocks=True,
        undefined=StrictUndefined,
        keep_trailing_newline=True,
    )
    jinja.filters.update(marked_up=marked_up, cell=cell, safe_svg=Markup)
    return jinja


def render(evidence: Evidence) -> dict[str, str]:
    """Return the pages by file name."""
    made: list[Section] = sections(evidence)
    names = [evidence.bench.path.name, *evidence.names.values()]
    pages = environment()
    return {
        name: pages.get_template(template).render(sections=made, records=names) for name, template in PAGES.items()
    }


def terminal(record: Record) -> str:
    """Return all ladders as text."""
    parts = []
    for stage, workload, rows in ladders(record):
        table = pd.DataFrame(
            {
                "implementation": rows["impl"],
                "median": rows["median"].map(seconds),
                "speed-up": rows["speedup"].map(ratio),
                "spread": [
                    f"{ratio(low)} .. {ratio(high)}"
                    for low, high in zip(rows["speedup_low"], rows["speedup_high"], strict=True)
                ],
                "MB/s": rows["mb_per_s"].map(digits),
            }
        )
        parts.append(f"{stage}, {workload}: speed-up over {rows.iloc[0]['impl']}\n{table.to_string(index=False)}\n")
    return "\n".join(parts)
