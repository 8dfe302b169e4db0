"""The parts of a report: sections of blocks, which pages turn into HTML and Markdown.

A text is words, or words and values in a row. Words may hold `code` between backticks and nothing else of markup.
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
    """Commands, as typed."""

    text: str


@dataclass(frozen=True)
class Heading:
    """A heading inside a section."""

    text: str


@dataclass(frozen=True)
class Figure:
    """A drawing, for HTML only: a table beside it says the same."""

    drawing: Drawing
    caption: Cell


Block: TypeAlias = Paragraph | Bullets | Listing | Heading | Table | Figure


def kind(block: Block) -> str:
    """Return which kind of block it is, as templates call it."""
    return type(block).__name__.lower()


@dataclass
class Section:
    """A title, the blocks below it, and the command that makes its figures."""

    title: str
    blocks: list[Block] = field(default_factory=list)
    command: str = ""

    @property
    def anchor(self) -> str:
        """The name by which the page refers to it."""
        words = "".join(character if character.isalnum() else " " for character in self.title.lower()).split()
        return "-".join(words)


def missing(why: object) -> Paragraph:
    """Return the reason that stands in the place of a figure."""
    return Paragraph(f"Missing: {why}.")
