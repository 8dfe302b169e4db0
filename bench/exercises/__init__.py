"""Exercises: five functions of the ladder whose bodies students fill in. A new exercise is a file and a name here."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from bench.exercises.exercise import Exercise

EXERCISES = ("naive", "weighted", "incremental", "cached", "compiled")
"""Names in order; exercise N is `EXERCISE` of the module `bench.exercises.NAME`."""


def load(number: int) -> Exercise:
    """Import and return an exercise; numbers begin with 1."""
    exercise: Exercise = import_module(f"bench.exercises.{EXERCISES[number - 1]}").EXERCISE
    return exercise
