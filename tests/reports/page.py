"""Reads the HTML of a report as Markdown, so that tests of its words and numbers need no markup."""

from __future__ import annotations

import re
from html.parser import HTMLParser
from pathlib import Path

HEADINGS = {"h2": "## ", "h3": "## ", "h4": "### ", "h5": "#### ", "summary": "### "}
"""Tag -> beginning of the line; titles of chapters are left out."""


class _Reader(HTMLParser):
    """Collects lines; drawings, code and script are left out."""

    def __init__(self) -> None:
        super().__init__()
        self.lines: list[str] = []
        self.words: list[str] = []
        self.cells: list[str] = []
        self.skipped: list[str] = []
        self.in_listing = False

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        chapter = tag == "details" and ("class", "chapter") in attrs
        if chapter:
            self.skipped.append("summary")
        elif not self.skipped and tag in ("figure", "script", "style", "header", "title"):
            self.skipped.append(tag)
        elif not self.skipped:
            self._open(tag)

    def _open(self, tag: str) -> None:
        if tag == "code" and not self.in_listing:
            self.words.append("`")
        elif tag in ("p", "li", "td", "th", *HEADINGS, "pre"):
            self.words, self.in_listing = [], tag == "pre"
        elif tag == "tr":
            self.cells = []

    def handle_endtag(self, tag: str) -> None:
        if self.skipped:
            if tag == self.skipped[-1]:
                self.skipped.pop()
            return
        if tag == "code" and not self.in_listing:
            self.words.append("`")
        text = " ".join("".join(self.words).split())
        if tag in HEADINGS:
            self.lines += [f"\n{HEADINGS[tag]}{text}\n"]
        elif tag == "p":
            self.lines.append(f"{text}\n")
        elif tag == "li":
            self.lines.append(f"- {text}")
        elif tag in ("td", "th"):
            self.cells.append(text.replace("|", "\\|"))
        elif tag == "tr":
            self.lines.append(f"| {' | '.join(self.cells)} |")
        elif tag == "thead":
            self.lines.append("|" + "---|" * len(self.cells))
        elif tag == "pre":
            self.lines.append("".join(self.words))
            self.in_listing = False
        elif tag in ("ul", "table"):
            self.lines.append("")

    def handle_data(self, data: str) -> None:
        if not self.skipped:
            self.words.append(data)


def as_markdown(page: str) -> str:
    """Return all sections of a page, folded or not, each below "## " and its title."""
    reader = _Reader()
    reader.feed(page)
    return re.sub(r"\n{3,}", "\n\n", "\n".join(reader.lines))


def text_of(folder: Path) -> str:
    """Return the page in a folder without its markup."""
    return as_markdown((folder / "index.html").read_text())
