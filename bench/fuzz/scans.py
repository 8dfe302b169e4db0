"""The compiled scans of the split patterns, compared with the `regex` package."""

from __future__ import annotations

from random import Random

import numpy as np

from bench.fuzz.kind import Case, Difference, Kind, compared
from bench.fuzz.texts import text
from impls.count.jit import PretokenTable
from impls.kernels.specials import pack_specials
from impls.kernels.splits import SPLITS
from impls.patterns import Splitter


def counted(content: bytes, pattern: str, errors: str = "strict") -> dict[bytes, int] | int:
    """Return how often the compiled scan finds each pretoken, or the offset of the first invalid byte."""
    table = PretokenTable(pattern)
    invalid = table.count(np.frombuffer(content, np.uint8), pack_specials({}), errors)
    return invalid if invalid >= 0 else table.pretokens().to_mapping()


def split(content: str, pattern: str) -> dict[bytes, int]:
    """Return how often `regex` finds each pretoken."""
    counts: dict[bytes, int] = {}
    for pretoken in Splitter(pattern).pretokens(content):
        counts[pretoken.encode()] = counts.get(pretoken.encode(), 0) + 1
    return counts


def only_in(counts: dict[bytes, int], other: dict[bytes, int]) -> dict[bytes, int]:
    """Return the entries of `counts` that `other` lacks, or has with another count."""
    return {pretoken: count for pretoken, count in sorted(counts.items()) if other.get(pretoken) != count}


def make(random: Random) -> Case:
    """Return a text and a pattern."""
    return Case(text(random).encode(), {"pattern": random.choice(list(SPLITS))})


def check(case: Case) -> Difference | None:
    """Compare the pretokens that the compiled scan counts with the pretokens that `regex` finds."""
    pattern = case.parameters["pattern"]
    expected, found = split(case.content.decode(), pattern), counted(case.content, pattern)
    if isinstance(found, int):
        return Difference("valid UTF-8", f"invalid UTF-8 at byte {found}")
    return compared(only_in(expected, found), only_in(found, expected), f"the compiled scan of {pattern}")


KIND = Kind("A compiled scan finds the pretokens that `regex` finds.", make, check)
