"""The parts of a report: sections, and the blocks in them, which `reports.pages` turns into HTML and Markdown.

A text is a string, or a sequence of strings and values. A string may hold `code` between backticks, but no other
markup.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TypeAlias

from reports.figures.series import Drawing
from reports.figures.tables import Table
from reports.figures.values import Cell


@dataclass(frozen=True)
class Paragraph:
    """Some sentences."""

    text: Cell


@dataclass(frozen=True)
class Bullets:
    """A list of sentences."""

    entries: Sequence[Cell]


@dataclass(frozen=True)
class Listing:
    """Commands, written as a user types them."""

    text: str


@dataclass(frozen=True)
class Heading:
    """A heading inside a section."""

    text: str


@dataclass(frozen=True)
class Figure:
    """A drawing, which only the HTML page shows; a table beside the drawing has the same values."""

    drawing: Drawing
    caption: Cell


Block: TypeAlias = Paragraph | Bullets | Listing | Heading | Table | Figure


def kind(block: Block) -> str:
    """Return the name that templates use for this kind of block."""
    return type(block).__name__.lower()


@dataclass
class Section:
    """A title, the blocks below it, and the command that makes its figures."""

    title: str
    blocks: list[Block] = field(default_factory=list)
    command: str = ""

    @property
    def anchor(self) -> str:
        """The anchor of the section in the HTML page."""
        words = "".join(character if character.isalnum() else " " for character in self.title.lower()).split()
        return "-".join(words)


def missing(why: object) -> Paragraph:
    """Return a paragraph with the reason why a figure is missing."""
    return Paragraph(f"Missing: {why}.")
