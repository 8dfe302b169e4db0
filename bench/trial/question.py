"""A question to an implementation and to the oracle, and the comparison of their answers."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any, Self

from bench.fuzz.kind import SECONDS_PER_CASE, time_limit
from bench.trial.difference import Difference, fault
from impls import MergelabError
from impls.registry import Impl


@dataclass(frozen=True)
class Question(ABC):
    """An input of one stage.

    Attributes:
        name: the text in words.
        content: the text.
        too_slow: names of implementations that would not finish.
    """

    name: str
    content: bytes
    too_slow: frozenset[str]

    @abstractmethod
    def answer(self, impl: Impl) -> Any:
        """Return the output of an implementation in a form that `==` compares."""

    @abstractmethod
    def first_difference(self, expected: Any, found: Any) -> Difference | None:
        """Return the first difference of two answers; None if they are equal."""

    def on(self, content: bytes) -> Self:
        """Return the same question on another text."""
        return replace(self, content=content)

    def sharpened(self, differs: Callable[[Question], bool]) -> Self:
        """Return the question on a shorter text that ends at the first difference; by default, on the same text."""
        del differs
        return self

    def oracle(self, rows: Sequence[Impl], candidate: Impl) -> Impl:
        """Return the simplest implementation that finishes and is not the candidate.

        Raises:
            MergelabError: no implementation but the candidate finishes.
        """
        for row in rows:
            if row.name not in (candidate.name, *self.too_slow):
                return row
        raise MergelabError(f"{self.name}: only {candidate.stage}/{candidate.name} finishes; take less text")


def outcome(question: Question, impl: Impl) -> Any:
    """Return the answer of an implementation, or the message of a MergelabError that it raises.

    Any other exception is not caught.
    """
    try:
        with time_limit(SECONDS_PER_CASE):
            return question.answer(impl)
    except MergelabError as error:
        return str(error)


def difference(question: Question, oracle: Impl, candidate: Impl) -> Difference | None:
    """Return how the answer of the candidate differs from the answer of the oracle; None if they are equal."""
    expected = outcome(question, oracle)
    try:
        found = outcome(question, candidate)
    except Exception as error:
        return Difference("the call", "no exception", fault(error))
    if isinstance(expected, str) or isinstance(found, str):
        return None if expected == found else Difference("the call", _told(expected), _told(found))
    return question.first_difference(expected, found)


def _told(result: Any) -> str:
    return f"the error: {result}" if isinstance(result, str) else "no error"
