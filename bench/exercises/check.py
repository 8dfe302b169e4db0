"""Checks a student's file in a process of its own, so that an endless loop is ended and a crash is reported."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from bench.child import order
from bench.exercises.exercise import Exercise
from impls import MergelabError, UsageError

SECONDS = 60.0
"""A check that takes longer is ended. A check of a right solution takes a few seconds."""


def checked(number: int, exercise: Exercise, path: Path) -> tuple[bool, list[str]]:
    """Return whether a function is right, and the lines that tell the student so.

    Raises:
        UsageError: there is no such file.
        MergelabError: the file cannot be imported, has no such function, does not end, or ends its process.
    """
    if not path.is_file():
        raise UsageError(f"{path}: there is no such file; write it by `python -m bench exercise {number}`")
    plain = report(number, path, compiled=False)
    lines = told(plain, exercise, path, "")
    if plain["lines"] or not exercise.compiled:
        return not plain["lines"], lines
    made = report(number, path, compiled=True)
    return not made["lines"], [*lines, *told(made, exercise, path, " (compiled)")]


def report(number: int, path: Path, *, compiled: bool) -> dict[str, Any]:
    """Return the report of the process, which runs plain Python, or with `compiled` compiles everything anew.

    Raises:
        MergelabError: see `checked`.
    """
    job = {"number": number, "file": str(path.resolve())}
    environment = {"NUMBA_DISABLE_JIT": "0" if compiled else "1"}
    try:
        return order("bench.exercises.inside", job, empty_cache=compiled, environment=environment, timeout=SECONDS)
    except MergelabError as error:
        message = str(error)
        raise MergelabError(message if path.name in message else f"{path}: {message}") from None


def told(found: dict[str, Any], exercise: Exercise, path: Path, how: str) -> list[str]:
    """Return the lines in which a student reads a report; `how`: words after the name of the function."""
    if found["lines"]:
        head = f"{path}: {exercise.function}{how} is wrong on {found['text']}. The first difference:"
        return [head, *(f"  {line}" for line in found["lines"])]
    lines = [f"{path}: {exercise.function}{how} is right on {found['right']} texts"]
    if "yours" in found:
        yours, reference = found["yours"], found["reference"]
        counts = f"yours {yours:,}, the reference {reference:,} ({yours / reference:.2f}x)"
        lines.append(f"bytecode instructions on {found['text']}: {counts}")
    return lines
