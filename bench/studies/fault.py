"""A known fault: the same work done in the wrong way, and as this project does it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

Kind = Literal["speed", "memory", "correctness", "trainer"]

Work = Callable[[], Any]


@dataclass(frozen=True)
class Fault:
    """One fault. The two ways of a fault of speed must have the same output.

    Attributes:
        name: the fault, in words.
        kind: "speed" is measured in seconds, "memory" in bytes; "correctness" and "trainer" compare two results.
        faulty: does the work in the wrong way.
        here: does the work as this project does.
        test: the test that guards against the fault, as a node id of pytest.
    """

    name: str
    kind: Kind
    faulty: Work
    here: Work
    test: str
