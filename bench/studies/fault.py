"""Known faults: the same work done wrong, and done as here."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

Kind = Literal["speed", "memory", "correctness", "trainer"]

Work = Callable[[], Any]


@dataclass(frozen=True)
class Fault:
    """One fault. Both sides of a fault of speed have the same output.

    Attributes:
        name: in words.
        kind: "speed" is measured in seconds, "memory" in bytes, "correctness" and "trainer" by their results.
        faulty: does the work wrong.
        here: does the work as this project does.
        test: the test that guards against the fault, a node of pytest.
    """

    name: str
    kind: Kind
    faulty: Work
    here: Work
    test: str
