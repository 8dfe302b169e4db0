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
    """Some sentences; `of_drawings`: whether they explain drawings, so that Markdown leaves them out."""

    text: Cell
    of_drawings: bool = False


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
    """A drawing, which only the HTML page shows; a table beside the drawing has the same values.

    Attributes:
        drawing: the values to draw.
        caption: words that say what the drawing shows.
        stage, workload: the stage and workload of the drawing, for the page's filter; empty if it shows several.
    """

    drawing: Drawing
    caption: Cell
    stage: str = ""
    workload: str = ""


@dataclass(frozen=True)
class Source:
    """Lines of a source, for HTML only, with a link to the file; `language` is "python" or "diff"."""

    text: str
    language: str
    link: Cell


@dataclass(frozen=True)
class Details:
    """Blocks that are folded in HTML and left out in Markdown."""

    title: str
    blocks: Sequence[Block]


Block: TypeAlias = "Paragraph | Bullets | Listing | Heading | Table | Figure | Source | Details"


def kind(block: Block) -> str:
    """Return the name that templates use for this kind of block."""
    return type(block).__name__.lower()


@dataclass
class Section:
    """A title, its blocks, and the command that makes its figures; `short`: whether it is in Markdown too."""

    title: str
    blocks: list[Block] = field(default_factory=list)
    command: str = ""
    short: bool = True

    @property
    def anchor(self) -> str:
        """The `id` of the section in the HTML page."""
        return anchor(self.title)


@dataclass(frozen=True)
class Chapter:
    """Sections below one title, with a few words about their content."""

    title: str
    about: str
    sections: Sequence[Section]

    @property
    def anchor(self) -> str:
        """The `id` of the chapter in the HTML page; "chapter" keeps it apart from a section of the same title."""
        return f"chapter-{anchor(self.title)}"

    @property
    def is_short(self) -> bool:
        """Whether at least one section of the chapter is in Markdown."""
        return any(section.short for section in self.sections)


@dataclass(frozen=True)
class Report:
    """The first screen, the chapters, and the names of the records that the figures come from."""

    front: Section
    chapters: Sequence[Chapter]
    records: Sequence[str]


def anchor(title: str) -> str:
    """Return the name by which a page refers to a title."""
    words = "".join(character if character.isalnum() else " " for character in title.lower()).split()
    return "-".join(words)


def missing(why: object) -> Paragraph:
    """Return a paragraph with the reason why a figure is missing."""
    return Paragraph(f"Missing: {why}.")
