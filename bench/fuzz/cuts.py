"""Safe cuts: when a text is cut at safe places, its parts give the same pretokens as the whole text."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import chain, pairwise
from random import Random

from bench.fuzz.kind import Case, Difference, Kind, compared
from bench.fuzz.texts import special_tokens, text
from impls.cuts import SafeCuts
from impls.patterns import PATTERNS, Splitter


def make(random: Random) -> Case:
    """Return a text, its special tokens, the size of a range, and the share of the text that a stream has seen."""
    content = text(random)
    specials = special_tokens(random, content) if random.random() < 0.5 else []
    parameters = {
        "pattern": random.choice([*PATTERNS, r"regex:\w+|\s"]),
        "special_tokens": specials,
        "range_bytes": random.choice((1, 2, 7, 64, 500)),
        "seen": random.random(),
    }
    return Case(content.encode(), parameters)


def pieces(content: str, splitter: Splitter) -> list[str]:
    """Return special tokens and pretokens of a text in their order."""
    segments = splitter.segments(content)
    parts = ([segment] if index % 2 else list(splitter.pretokens(segment)) for index, segment in enumerate(segments))
    return list(chain.from_iterable(parts))


def joined(parts: Sequence[str], splitter: Splitter) -> list[str]:
    """Return the pieces of all parts, joined in one list."""
    return [piece for part in parts for piece in pieces(part, splitter)]


def check(case: Case) -> Difference | None:
    """Cut the text in ranges, and once as a stream; compare the pieces of the parts with the pieces of the text."""
    content, pattern = case.content, case.parameters["pattern"]
    specials, size = case.parameters["special_tokens"], case.parameters["range_bytes"]
    cuts, splitter, whole = SafeCuts(pattern, specials), Splitter(pattern, specials), content.decode()
    ranges = list(cuts.ranges(lambda start, stop: content[start:stop], 0, len(content), size))
    bounds = [0, *(stop for _, stop in ranges)]
    if list(pairwise(bounds)) != ranges or bounds[-1] != len(content):
        return Difference(f"ranges that cover {len(content)} bytes", repr(ranges))
    expected = pieces(whole, splitter)
    parts = [content[start:stop].decode() for start, stop in ranges]
    place = cuts.last_in(whole[: int(case.parameters["seen"] * len(whole))]) or 0
    return compared(expected, joined(parts, splitter), f"ranges {ranges}") or compared(
        expected, joined([whole[:place], whole[place:]], splitter), f"a stream cut at character {place}"
    )


KIND = Kind("The parts of a text split as the whole text does.", make, check)
