"""All trainers, compared with each other, with both tie-breaks."""

from __future__ import annotations

from random import Random

from bench.fuzz.kind import Case, Difference, Kind, compared
from bench.fuzz.texts import text
from impls.contract import TIE_BREAKS, Merges, Pretokens
from impls.patterns import PATTERNS, Splitter
from impls.registry import implementations


def make(random: Random) -> Case:
    """Return a text with many ties, and a factor for all counts, which is sometimes large."""
    parameters = {
        "pattern": random.choice([*PATTERNS, r"regex:[^ ]+"]),
        "n_merges": random.choice((1, 5, 30, 80)),
        "tie_break": random.choice(TIE_BREAKS),
        "times": random.choice((1, 1, 1, 1 << 20, 1 << 33)),
    }
    return Case(text(random, 400).encode(), parameters)


def pairs(merges: Merges) -> list[tuple[int, int]]:
    """Return the merges as pairs of ids."""
    return list(zip(merges.left.tolist(), merges.right.tolist(), strict=True))


def check(case: Case) -> Difference | None:
    """Compare all trainers with the simplest. `naive` is left out for large counts, as it stores every occurrence."""
    counts: dict[bytes, int] = {}
    times = case.parameters["times"]
    for pretoken in Splitter(case.parameters["pattern"]).pretokens(case.content.decode()):
        counts[pretoken.encode()] = counts.get(pretoken.encode(), 0) + times
    simplest, *others = implementations("train")[0 if times == 1 else 1 :]
    pretokens, tie_break = Pretokens.from_mapping(counts), case.parameters["tie_break"]
    learned = {
        row.name: pairs(row.load()(pretokens, n_merges=case.parameters["n_merges"], tie_break=tie_break))
        for row in (simplest, *others)
    }
    expected = learned[simplest.name]
    return next((found for row in others if (found := compared(expected, learned[row.name], row.name))), None)


KIND = Kind("All trainers learn the merges of the simplest trainer.", make, check)
