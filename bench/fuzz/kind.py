"""A kind of input: how a case is made from random numbers, and the claim that must hold for every case."""

from __future__ import annotations

import signal
import traceback
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from typing import Any, NamedTuple

SECONDS_PER_CASE = 60.0
"""A case that takes longer is a finding: ordinary cases take milliseconds."""


@dataclass(frozen=True)
class Case:
    """One random input.

    Attributes:
        content: the bytes of the text or file.
        parameters: everything else that the check needs, as JSON values.
    """

    content: bytes
    parameters: Mapping[str, Any] = field(default_factory=dict)


class Difference(NamedTuple):
    """Two results that differ but should be equal, each described in words."""

    expected: str
    found: str


@dataclass(frozen=True)
class Kind:
    """A kind of input, one module of this package.

    Attributes:
        claim: the claim that must hold for every case, as one sentence.
        make: returns a case made from random numbers.
        check: returns the difference that it found in a case, or None if the claim holds. An exception counts as a
            difference too.
    """

    claim: str
    make: Callable[[Random], Case]
    check: Callable[[Case], Difference | None]


def verdict(kind: Kind, case: Case) -> Difference | None:
    """Check a case; return the difference, or None. An exception or a hang counts as a difference too."""
    try:
        with time_limit(SECONDS_PER_CASE):
            return kind.check(case)
    except Exception as error:
        return Difference("no traceback", _described(error))


def compared(expected: object, found: object, label: str) -> Difference | None:
    """Return both values in words if they differ, otherwise None; `label` says where `found` comes from."""
    return None if expected == found else Difference(repr(expected), f"{label}: {found!r}")


@contextmanager
def time_limit(seconds: float) -> Iterator[None]:
    """Raise TimeoutError in the block after so many seconds; only the main thread can be stopped."""

    def stop(*_: object) -> None:
        raise TimeoutError(f"the case takes more than {seconds:.0f} s")

    before = signal.signal(signal.SIGALRM, stop)
    signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


def _described(error: Exception) -> str:
    """Return class, message and place of an exception as one line."""
    frames = traceback.extract_tb(error.__traceback__)
    return in_one_line(error, " > ".join(f"{Path(frame.filename).name}:{frame.lineno}" for frame in frames[-4:]))


def in_one_line(error: Exception, place: str) -> str:
    """Return class and message of an exception, and the place where it was raised, as one line."""
    return f"{type(error).__name__}: {' '.join(str(error).split())[:200]} ({place})"
