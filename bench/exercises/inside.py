"""The process in which a student's function runs.

    python -m bench.exercises.inside '{"number": 1, "file": "exercise_1.py"}'

The function answers all questions, or up to the first wrong answer. If all answers are right, the process counts how
many instructions the last answer took.
"""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path
from typing import Any

from bench import child
from bench.exercises import load
from bench.exercises.exercise import Exercise, Function
from bench.exercises.instructions import instructions
from bench.trial.difference import Difference, fault
from bench.trial.question import Question
from impls import MergelabError
from impls.kernels.helpers import JIT, Inline


def function_in(path: Path, name: str) -> Function:
    """Import a student's file and return the function that was filled in.

    Raises:
        MergelabError: the file cannot be imported, or has no such function; the message says where.
    """
    spec = importlib.util.spec_from_file_location("exercise", path)
    if spec is None or spec.loader is None:
        raise MergelabError(f"{path}: is not a file of Python; give a file such as exercise_1.py")
    module = importlib.util.module_from_spec(spec)
    try:
        spec.loader.exec_module(module)
    except SyntaxError as error:
        raise MergelabError(f"{path}:{error.lineno}: {error.msg}; correct this line") from None
    except OSError as error:
        raise MergelabError(f"{path}: {error.strerror}; write it by `python -m bench exercise N`") from None
    except Exception as error:
        raise MergelabError(f"{path}: {fault(error, path)}") from None
    if not callable(function := getattr(module, name, None)):
        raise MergelabError(f"{path}: has no function {name}; keep its name")
    result: Function = function
    return result


def answer(exercise: Exercise, function: Function, question: Question, path: Path) -> Difference | None:
    """Return how the answer of a student's function differs from the answer of the implementation.

    Raises:
        MergelabError: the function has no body yet.
    """
    expected = exercise.run(exercise.reference, question)
    try:
        found = exercise.run(function, question)
    except NotImplementedError:
        raise MergelabError(f"{path}: {exercise.function} has no body yet; fill it in") from None
    except MergelabError as error:
        return Difference("the call", "no error", str(error))
    except Exception as error:
        return Difference("the call", "no exception", fault(error, path))
    return question.first_difference(expected, found)


def check(order: dict[str, Any]) -> dict[str, Any]:
    """Carry out an order: check the function, count its work, and return the report."""
    exercise, path = load(order["number"]), Path(order["file"])
    written = function_in(path, exercise.function)
    function: Any = Inline(written) if exercise.compiled and JIT else written
    questions = exercise.questions()
    for asked, question in enumerate(questions):
        if found := answer(exercise, function, question, path):
            return {"right": asked, "text": question.name, "lines": found.lines("reference", "yours")}
    counts = {} if JIT else work(exercise, function, questions[-1], path)
    return {"right": len(questions), "text": questions[-1].name, "lines": [], **counts}


def work(exercise: Exercise, function: Function, question: Question, path: Path) -> dict[str, int]:
    """Return how many instructions the student's function and the reference execute on one text."""
    own = exercise.files()

    def use(one: Function) -> object:
        return exercise.run(one, question)

    return {
        "yours": instructions(use, function, {*own, str(path)}),
        "reference": instructions(use, exercise.reference, own),
    }


if __name__ == "__main__":
    sys.exit(child.answer(check))
