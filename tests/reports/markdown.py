"""Reads the Markdown of a report."""

from __future__ import annotations

import re


def cells(markdown: str, section: str, table: int = 0) -> dict[str, list[str]]:
    """Return the rows of a table of a section by their first cell."""
    text = markdown.split(f"\n## {section}\n")[1].split("\n## ")[0]
    tables = re.findall(r"(?:^\|.*\n)+", text, re.MULTILINE)
    rows = [[cell.strip() for cell in re.split(r"(?<!\\)\|", line)[1:-1]] for line in tables[table].splitlines()[2:]]
    return {row[0]: row[1:] for row in rows}
