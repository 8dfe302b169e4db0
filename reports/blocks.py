"""What a report consists of: sections of blocks, which templates turn into HTML and Markdown.

Text may hold `code` between backticks and nothing else of markup.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Literal


@dataclass(frozen=True)
class Paragraph:
    """Some sentences."""

    text: str
    kind: Literal["paragraph"] = "paragraph"


@dataclass(frozen=True)
class Bullets:
    """A list of sentences."""

    items: Sequence[str]
    kind: Literal["bullets"] = "bullets"


@dataclass(frozen=True)
class Code:
    """Commands, as typed."""

    text: str
    kind: Literal["code"] = "code"


@dataclass(frozen=True)
class Heading:
    """A heading inside a section."""

    text: str
    kind: Literal["heading"] = "heading"


@dataclass(frozen=True)
class Table:
    """Rows of cells; `numbers`: the columns that are aligned to the right."""

    head: Sequence[str]
    rows: Sequence[Sequence[str]]
    numbers: Sequence[int] = ()
    kind: Literal["table"] = "table"


@dataclass(frozen=True)
class Figure:
    """A drawing as SVG, for HTML only: a table beside it says the same."""

    svg: str
    caption: str
    kind: Literal["figure"] = "figure"


Block = Paragraph | Bullets | Code | Heading | Table | Figure


@dataclass
class Section:
    """A title, what is below it, and the command that makes its figures."""

    title: str
    blocks: list[Block] = field(default_factory=list)
    command: str = ""

    @property
    def anchor(self) -> str:
        """The name by which the page refers to it."""
        words = "".join(character if character.isalnum() else " " for character in self.title.lower()).split()
        return "-".join(words)


def missing(title: str, why: str) -> Section:
    """Return a section that has nothing to show and says why."""
    return Section(title, [Paragraph(f"Missing: {why}")])
