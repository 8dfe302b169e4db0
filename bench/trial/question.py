"""A question that an implementation and the oracle are both asked, and what becomes of their answers."""

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
        """Return where two answers differ first; None if they are equal."""

    def on(self, content: bytes) -> Self:
        """Return the same question on another text."""
        return replace(self, content=content)

    def sharpened(self, differs: Callable[[Question], bool]) -> Self:
        """Return the question on a text that ends where the difference is; on the same text if nothing is gained."""
        del differs
        return self

    def oracle(self, rows: Sequence[Impl], candidate: Impl) -> Impl:
        """Return the simplest implementation that finishes, beside the candidate.

        Raises:
            MergelabError: there is none.
        """
        for row in rows:
            if row.name not in (candidate.name, *self.too_slow):
                return row
        raise MergelabError(f"{self.name}: nothing but {candidate.stage}/{candidate.name} finishes; take less text")


def outcome(question: Question, impl: Impl) -> Any:
    """Return the answer of an implementation, or the error that it gives to the user.

    Any other exception is left to the caller.
    """
    try:
        with time_limit(SECONDS_PER_CASE):
            return question.answer(impl)
    except MergelabError as error:
        return str(error)


def difference(question: Question, oracle: Impl, candidate: Impl) -> Difference | None:
    """Return how the answer of the candidate differs from that of the oracle; None if they are equal."""
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
