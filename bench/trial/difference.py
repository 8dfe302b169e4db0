"""The first difference of two outputs in words: its place, both values, and the text around it."""

from __future__ import annotations

import traceback
from pathlib import Path
from typing import NamedTuple

from bench.child import ROOT
from bench.fuzz.kind import in_one_line
from impls.command_line import printable

AROUND = 30
"""Bytes of text that are shown on each side of a place."""


class Difference(NamedTuple):
    """The first difference between two outputs, in words.

    Attributes:
        place: the place of the difference.
        expected: the output of the oracle at this place.
        found: the output of the implementation at this place.
        around: lines that show the place in the text; empty if the difference has no place in the text.
    """

    place: str
    expected: str
    found: str
    around: tuple[str, ...] = ()

    def lines(self, oracle: str, name: str) -> list[str]:
        """Return the difference as lines; `oracle` and `name` are the names of the two implementations."""
        width = max(len(oracle), len(name), len("at"))
        told = [("at", self.place), (oracle, self.expected), (name, self.found)]
        return [*(f"{who:{width}}  {what}" for who, what in told), *(f"{'':{width}}  {line}" for line in self.around)]


def whole_characters(content: bytes, place: int) -> int:
    """Return `place`; if it lies inside a character, return the place where this character begins."""
    while 0 < place < len(content) and content[place] & 0xC0 == 0x80:
        place -= 1
    return place


def around(content: bytes, start: int, stop: int) -> tuple[str, str]:
    """Return the text around bytes [start, stop) in one line, and a line that marks these bytes."""
    first, last = (whole_characters(content, place) for place in (max(0, start - AROUND), stop + AROUND))
    before, here, after = (
        printable(content[slice(*bounds)].decode("utf-8", "replace"))
        for bounds in ((first, start), (start, min(stop, start + AROUND)), (stop, last))
    )
    return f"{before}{here}{after}", f"{' ' * len(before)}{'^' * max(1, len(here))}"


def fault(error: Exception, home: Path = ROOT) -> str:
    """Return an exception as one line that ends with the innermost place in `home`, by default in the project."""
    frames = traceback.extract_tb(error.__traceback__)
    inside = [frame for frame in frames if Path(frame.filename).is_relative_to(home)]
    frame = (inside or frames)[-1]
    path = Path(frame.filename)
    place = path.relative_to(ROOT) if path.is_relative_to(ROOT) else path.name
    return in_one_line(error, f"{place}:{frame.lineno}")
