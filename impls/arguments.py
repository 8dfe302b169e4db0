"""Checks of arguments that several public functions take; each error is one line that names the argument."""

from __future__ import annotations

import os
from typing import Literal

import numpy as np

from impls.errors import UsageError

Errors = Literal["strict", "replace"]
"""How invalid UTF-8 is treated: "strict" raises an error that names the byte offset, "replace" gives U+FFFD."""


def check_count(name: str, value: object, minimum: int) -> int:
    """Return `value` as an int if it is a whole number of at least `minimum`.

    Raises:
        UsageError: `value` is something else; the message names the argument.
    """
    if isinstance(value, bool) or not isinstance(value, int | np.integer):
        raise UsageError(f"{name}: {value!r} is not a whole number; give an integer of at least {minimum}")
    if value < minimum:
        raise UsageError(f"{name}: {value} is too small; give at least {minimum}")
    return int(value)


def check_workers(workers: int | None) -> int:
    """Return how many threads or processes to use; None means one per core that this process may use.

    Raises:
        UsageError: `workers` is not a whole number of at least 1.
    """
    return len(os.sched_getaffinity(0)) if workers is None else check_count("workers", workers, 1)


def check_errors(errors: str) -> Errors:
    """Return `errors` if it names a known treatment of invalid UTF-8.

    Raises:
        UsageError: `errors` is neither "strict" nor "replace".
    """
    if errors == "strict":
        return "strict"
    if errors == "replace":
        return "replace"
    raise UsageError(f"errors: unknown value {errors!r}; give 'strict' or 'replace'")
