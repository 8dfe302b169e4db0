"""Questions to trainers: which merges does a text give?"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise
from random import Random

from bench import PATTERN
from bench.fuzz import trainers
from bench.fuzz.scans import split
from bench.inputs import Inputs
from bench.trial.difference import Difference, around
from bench.trial.question import Question
from impls.contract import TIE_BREAKS, Merges, Pretokens, TieBreak, Vocabulary
from impls.encode.heap import HeapEncoder
from impls.registry import Impl, implementations

Pair = tuple[int, int]

MOST_MERGES = 60
"""Merges of a hostile text."""


@dataclass(frozen=True)
class Training(Question):
    """A text, and how many merges are learned from its pretokens.

    Attributes:
        times: the factor by which each count of a pretoken is multiplied.
    """

    n_merges: int
    tie_break: TieBreak = "greatest"
    pattern: str = PATTERN
    times: int = 1

    @cached_property
    def pretokens(self) -> Pretokens:
        """The pretokens of the text with counts."""
        counts = split(self.content.decode(), self.pattern)
        return Pretokens.from_mapping({pretoken: count * self.times for pretoken, count in counts.items()})

    def answer(self, impl: Impl) -> Merges:
        """Return the merges."""
        merges: Merges = impl.load()(self.pretokens, n_merges=self.n_merges, tie_break=self.tie_break)
        return merges

    def first_difference(self, expected: Merges, found: Merges) -> Difference | None:
        """Return the first merge that differs, and how often each of the two pairs occurs at this moment."""
        if expected == found:
            return None
        lists = trainers.pairs(expected), trainers.pairs(found)
        ends = min(map(len, lists))
        index = next((place for place in range(ends) if lists[0][place] != lists[1][place]), ends)
        tokens = Merges(expected.left[:index], expected.right[:index]).token_bytes()
        counts = self._counts(Merges(expected.left[:index], expected.right[:index]))
        one, other = (_told(pairs, index, tokens, counts) for pairs in lists)
        tie = index < ends and counts.get(lists[0][index]) == counts.get(lists[1][index])
        place = f"merge {index}{f', a tie, which goes to the {_RULES[self.tie_break]}' if tie else ''}"
        return Difference(place, one, other, self._around(lists[0], index, tokens))

    def _counts(self, merges: Merges) -> dict[Pair, int]:
        """Return how often each pair occurs after these merges."""
        encoder = HeapEncoder(Vocabulary.from_merges(merges), self.pattern)
        counts: dict[Pair, int] = {}
        for pretoken, weight in self.pretokens.to_mapping().items():
            for pair in pairwise(encoder.encode_pretoken(pretoken)):
                counts[pair] = counts.get(pair, 0) + weight
        return counts

    def _around(self, pairs: list[Pair], index: int, tokens: list[bytes]) -> tuple[str, ...]:
        if index == len(pairs):
            return ()
        merged = b"".join(tokens[token] for token in pairs[index])
        place = self.content.find(merged)
        return around(self.content, place, place + len(merged))


_RULES: dict[TieBreak, str] = {
    "greatest": "greatest pair of bytes",
    "huggingface": "smallest pair of ids",
}


def _told(pairs: list[Pair], index: int, tokens: list[bytes], counts: dict[Pair, int]) -> str:
    """Return a merge in words: its ids and bytes, and how often the pair occurs."""
    if index == len(pairs):
        return f"nothing: it ends after {index} merges"
    known = dict(enumerate(tokens))
    bytes_ = " + ".join(repr(known[token]) if token in known else "no token" for token in pairs[index])
    return f"{pairs[index]}, {bytes_}, which occurs {counts.get(pairs[index], 0):,} times"


def real(name: str, inputs: Inputs, too_slow: frozenset[str]) -> list[Training]:
    """Return a question about the text and the vocabulary size of a workload."""
    return [Training(name, inputs.content.encode(), too_slow, inputs.n_merges)]


def hostile(name: str, content: bytes) -> list[Training]:
    """Return two questions about a hostile text, one per tie-break."""
    valid = content.decode("utf-8", "replace").encode()
    return [Training(f"{name}, {tie}", valid, frozenset(), MOST_MERGES, tie) for tie in TIE_BREAKS]


def random(name: str, random: Random) -> list[Training]:
    """Return a question about a random text with many ties. The naive trainer is too slow if the counts are large."""
    case = trainers.make(random)
    known = case.parameters
    holders = frozenset(row.name for row in implementations("train") if "naive" in (row.name, row.parent))
    too_slow = frozenset() if known["times"] == 1 else holders
    return [
        Training(
            name, case.content, too_slow, known["n_merges"], known["tie_break"], known["pattern"], known["times"]
        )
    ]
