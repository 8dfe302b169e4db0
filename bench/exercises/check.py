"""A student's file is checked in a process of its own, so an endless loop ends and a crash is told."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from bench.child import order
from bench.exercises.exercise import Exercise
from impls import MergelabError, UsageError

SECONDS = 60.0
"""A check that takes longer is ended; it takes a few seconds."""


def checked(number: int, exercise: Exercise, path: Path) -> tuple[bool, list[str]]:
    """Return whether a function is right, and what is to be said of it.

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
    """Return what the process found; it compiles nothing, or all anew, and leaves no code in the cache.

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
    """Return a report in lines."""
    if found["lines"]:
        head = f"{path}: {exercise.function}{how} is wrong on {found['text']}. The first difference:"
        return [head, *(f"  {line}" for line in found["lines"])]
    lines = [f"{path}: {exercise.function}{how} is right on {found['right']} texts"]
    if "yours" in found:
        yours, reference = found["yours"], found["reference"]
        counts = f"yours {yours:,}, the reference {reference:,} ({yours / reference:.2f}x)"
        lines.append(f"bytecode instructions on {found['text']}: {counts}")
    return lines
