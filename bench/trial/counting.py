"""Questions to counters: which pretokens has a file, and how often, if the file is read in small ranges?"""

from __future__ import annotations

import re
import tempfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from random import Random

from bench import PATTERN, SPECIAL_TOKENS
from bench.fuzz import cuts
from bench.inputs import Inputs
from bench.trial.difference import Difference, around, whole_characters
from bench.trial.question import Question
from impls.arguments import Errors
from impls.inputs.file import TextFile
from impls.inputs.text import RANGE_BYTES
from impls.registry import Impl

Counts = dict[bytes, int]

_REST_OF_WORD = re.compile(rb"\S*")

SMALL_RANGE = 500
"""Bytes of a range. A small text would otherwise be a single range, and no cut between ranges would be tested."""


@dataclass(frozen=True)
class CutFile(TextFile):
    """A file whose ranges are small, even if a counter asks for large ranges.

    Attributes:
        most: the approximate size of the largest range, in bytes.
    """

    most: int = RANGE_BYTES

    @property
    def name(self) -> str:
        """The name in errors. It is the same for every path, so that the errors of two files can be compared."""
        return "text"

    def ranges(
        self, pattern: str, special_tokens: Sequence[str], range_bytes: int = RANGE_BYTES
    ) -> Iterator[tuple[int, int]]:
        """Yield ranges of about `most` bytes that cover the text. See `Text.ranges`."""
        return super().ranges(pattern, special_tokens, min(range_bytes, self.most))


@dataclass(frozen=True)
class Counting(Question):
    """A text, with the size of its ranges and the rules by which it is split."""

    pattern: str = PATTERN
    special_tokens: tuple[str, ...] = tuple(SPECIAL_TOKENS)
    range_bytes: int = SMALL_RANGE
    workers: int = 1
    errors: Errors = "strict"

    def answer(self, impl: Impl) -> Counts:
        """Write the text to a file, and return how often a counter finds each pretoken.

        Raises:
            ValueError: the counter returns a pretoken twice.
        """
        if not self.content:
            return {}
        with tempfile.TemporaryDirectory(prefix="try-") as folder:
            path = Path(folder) / "text.txt"
            path.write_bytes(self.content)
            text = replace(CutFile.open(path, self.errors), most=self.range_bytes)  # type: ignore[call-arg]
            pretokens = impl.load()(
                text, pattern=self.pattern, special_tokens=self.special_tokens, workers=self.workers
            )
        counts: Counts = pretokens.to_mapping()
        if len(counts) < len(pretokens):
            raise ValueError(f"{len(pretokens)} pretokens, {len(counts)} of them unique")
        return counts

    def first_difference(self, expected: Counts, found: Counts) -> Difference | None:
        """Return the difference at the end of the text, where `sharpened` has cut the text."""

        def end(pretoken: bytes) -> tuple[bool, int, int]:
            return pretoken in expected, self.content.rfind(pretoken) + len(pretoken), len(pretoken)

        wrong = [one for one in expected.keys() | found.keys() if expected.get(one) != found.get(one)]
        if not wrong:
            return None
        last = max(sorted(wrong), key=end)
        return self._about(last, expected.get(last, 0), found.get(last, 0))

    def sharpened(self, differs: Callable[[Question], bool]) -> Counting:
        """Return the question on a beginning of its text that ends where the counts begin to differ.

        The end is found by bisection: the counts differ on this beginning, but not on a slightly shorter one.
        """
        low, high = 0, len(self.content)
        while (middle := whole_characters(self.content, (low + high) // 2)) > low:
            if differs(self.on(self.content[:middle])):
                high = middle
            else:
                low = middle
        word = self.on(self.content[: high + len(_REST_OF_WORD.match(self.content[high:])[0])])  # type: ignore[index]
        return word if differs(word) else self.on(self.content[:high])

    def _about(self, pretoken: bytes, expected: int, found: int) -> Difference:
        place = self.content.rfind(pretoken)
        where = f"byte {place} of the text" if place >= 0 else "not in the text"
        told = f"pretoken {pretoken!r}, {where}; ranges of {self.range_bytes} bytes"
        shown = around(self.content, place, place + len(pretoken)) if place >= 0 else ()
        return Difference(told, f"counted {expected:,}", f"counted {found:,}", shown)


def real(name: str, inputs: Inputs, too_slow: frozenset[str]) -> list[Counting]:
    """Return two questions about the file of a workload: in small ranges, and in usual ranges with two workers."""
    content = inputs.content.encode()
    return [
        Counting(f"{name}, in small ranges", content, too_slow),
        Counting(name, content, too_slow, range_bytes=RANGE_BYTES, workers=2),
    ]


def hostile(name: str, content: bytes) -> list[Counting]:
    """Return two questions about a hostile text: invalid bytes are an error in one, and are replaced in the other."""
    return [Counting(name, content, frozenset()), Counting(name, content, frozenset(), errors="replace")]


def random(name: str, random: Random) -> list[Counting]:
    """Return a question about a random text with odd special tokens and ranges."""
    case = cuts.make(random)
    known = case.parameters
    specials = tuple(known["special_tokens"])
    return [Counting(name, case.content, frozenset(), known["pattern"], specials, known["range_bytes"])]
