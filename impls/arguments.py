"""Checks of arguments that several public functions take: a wrong one is a line that names it."""

from __future__ import annotations

import os
from typing import Literal

import numpy as np

from impls.errors import UsageError

Errors = Literal["strict", "replace"]
"""What invalid UTF-8 gets: an error that names the byte offset, or U+FFFD."""


def check_count(name: str, value: object, minimum: int) -> int:
    """Return `value` as an int if it is a whole number of at least `minimum`.

    Raises:
        UsageError: it is not; the message names the argument.
    """
    if isinstance(value, bool) or not isinstance(value, int | np.integer):
        raise UsageError(f"{name}: {value!r} is not a whole number; give an integer of at least {minimum}")
    if value < minimum:
        raise UsageError(f"{name}: {value} is too small; give at least {minimum}")
    return int(value)


def check_workers(workers: int | None) -> int:
    """Return how many threads or processes to use: by default, all cores that this process may use.

    Raises:
        UsageError: not a whole number of at least 1.
    """
    return len(os.sched_getaffinity(0)) if workers is None else check_count("workers", workers, 1)


def check_errors(errors: str) -> Errors:
    """Return what invalid UTF-8 gets.

    Raises:
        UsageError: neither "strict" nor "replace".
    """
    if errors == "strict":
        return "strict"
    if errors == "replace":
        return "replace"
    raise UsageError(f"errors: unknown value {errors!r}; give 'strict' or 'replace'")
