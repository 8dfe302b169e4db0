"""Asks an implementation about real, hostile and random texts, until an answer differs from the oracle's answer."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from random import Random
from time import perf_counter
from typing import NamedTuple

from bench.code import name_of
from bench.fuzz.finding import shortened
from bench.trial import counting, encoding, training
from bench.trial.difference import Difference
from bench.trial.question import Question, difference
from data.adversarial import TEXTS
from impls.registry import Impl, implementations

HOSTILE_BYTES = 3_000

STAGES = {"count": counting, "train": training, "encode": encoding}
"""Stage -> the module that makes its questions."""


class Wrong(NamedTuple):
    """An answer that differs from the answer of the oracle."""

    question: Question
    candidate: Impl
    oracle: Impl
    difference: Difference

    def lines(self) -> list[str]:
        """Return the first difference in a few lines."""
        head = (
            f"{name_of(self.candidate)} is wrong on {self.question.name}, so it is not timed. The first difference:"
        )
        return [head, *(f"  {line}" for line in self.difference.lines(self.oracle.name, self.candidate.name))]


def wrong(question: Question, candidate: Impl) -> Wrong | None:
    """Ask a question; return the first difference from the answer of the oracle, or None if the answers are equal."""
    oracle = question.oracle(implementations(candidate.stage), candidate)
    if difference(question, oracle, candidate) is None:
        return None
    sharp = question.sharpened(lambda one: difference(one, oracle, candidate) is not None)
    found = difference(sharp, oracle, candidate) or difference(question, oracle, candidate)
    unstable = Difference("another call", "the same answer", "another answer than before")
    return Wrong(question, candidate, oracle, found or unstable)


def first_wrong(questions: Iterable[Question], candidate: Impl) -> tuple[int, Wrong | None]:
    """Ask questions until an answer is wrong; return the number of questions asked, and the wrong answer."""
    asked = 0
    for question in questions:
        if candidate.name not in question.too_slow:
            asked += 1
            if found := wrong(question, candidate):
                return asked, found
    return asked, None


def hostile(stage: str) -> Sequence[Question]:
    """Return the questions about hostile texts."""
    return [
        question
        for name, text in TEXTS.items()
        for question in STAGES[stage].hostile(f"the hostile text {name}", text(HOSTILE_BYTES))
    ]


def search(candidate: Impl, seconds: float, seed: int = 0) -> tuple[int, Wrong | None]:
    """Ask about random texts for some seconds; after a wrong answer, the text is made shorter.

    The first text is not part of the time, since it may have to compile code.
    """
    asked, found = ask_about(0, seed, candidate)
    number, started = 1, perf_counter()
    while found is None and perf_counter() - started < seconds:
        more, found = ask_about(number, seed, candidate)
        asked, number = asked + more, number + 1
    return asked, found and short(found)


def ask_about(number: int, seed: int, candidate: Impl) -> tuple[int, Wrong | None]:
    """Ask about random text `number`; return the number of questions asked, and the wrong answer or None."""
    random = Random(f"{candidate.stage} {seed} {number}")
    questions = STAGES[candidate.stage].random(f"random text {number} of seed {seed}", random)
    return first_wrong(questions, candidate)


def short(found: Wrong) -> Wrong:
    """Return a wrong answer to the same question on a shorter text."""

    def fails(content: str) -> bool:
        return difference(found.question.on(content.encode()), found.oracle, found.candidate) is not None

    content = shortened(found.question.content.decode(), fails).encode()
    return wrong(found.question.on(content), found.candidate) or found
