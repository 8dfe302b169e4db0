"""The type of an exercise: a function without its body, texts to check it on, and the code that solves it."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from pkgutil import resolve_name
from typing import Any

from bench.inputs import inputs
from bench.trial.question import Question
from data import adversarial

Function = Callable[..., Any]


@dataclass(frozen=True)
class Exercise:
    """One exercise.

    Attributes:
        title: the idea, in words.
        function: the name of the function that is filled in.
        template: the file that the student edits.
        questions: makes the texts, each a question of its stage.
        run: takes a solution, such as the student's function, and a question; returns the answer.
        reference: a solution that calls the implementation.
        shown: "module:attribute" of the parts of the implementation that solve it.
        compiled: whether the function must compile as well.
    """

    title: str
    function: str
    template: str
    questions: Callable[[], Sequence[Question]]
    run: Callable[[Function, Any], Any]
    reference: Function
    shown: tuple[str, ...]
    compiled: bool = False

    def solutions(self) -> list[Function]:
        """Return the parts of the implementation that solve it."""
        return [
            inspect.unwrap(part) for part in (getattr(one, "function", one) for one in map(resolve_name, self.shown))
        ]

    def files(self) -> set[str]:
        """Return the source files of the solution; only instructions in these files are counted."""
        return {str(inspect.getsourcefile(part)) for part in self.solutions()}


def texts() -> dict[str, bytes]:
    """Return the texts that every exercise is checked on, by name; work is counted on the last one."""
    words = "low " * 5 + "lower " * 2 + "widest " * 3 + "newest " * 6
    return {
        "the words of Sennrich, Haddow and Birch": words.encode(),
        "pairs that overlap": b"aaa aaaaaaa aaaab baaa abababa",
        "pairs that tie": adversarial.ties(400),
        "characters of several bytes": adversarial.emoji(400),
        "one long pretoken": adversarial.no_spaces(300),
        "2,000 bytes of stories": inputs("stories", 2_000, 300).content.encode(),
    }


def source(part: Function) -> str:
    """Return the code of a function, below the name of its file."""
    return f"# {'/'.join(Path(str(inspect.getsourcefile(part))).parts[-3:])}\n{inspect.getsource(part)}"
