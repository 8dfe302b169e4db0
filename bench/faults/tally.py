"""Counts of the faults of one kind under one kind of work."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict, dataclass, field
from typing import Any


@dataclass
class Tally:
    """How many faults were made, when they came, and which promises were broken.

    Attributes:
        fault: the kind of fault.
        work: the work that it disturbs.
        runs: how many faults there were.
        before, during, after: how many faults came before the first change of a file, during the work, and after its
            end.
        resumed: how many runs were started again and then ended as they should.
        violations: a line for each promise that was broken.
    """

    fault: str
    work: str
    runs: int = 0
    before: int = 0
    during: int = 0
    after: int = 0
    resumed: int = 0
    violations: list[str] = field(default_factory=list)

    def add(self, phase: str, found: Iterable[str], about: str, *, resumed: bool = False) -> None:
        """Count one run; `found`: the broken promises of the run, `about`: its fault in words."""
        self.runs += 1
        setattr(self, phase, getattr(self, phase) + 1)
        self.resumed += resumed
        self.violations += [f"{about}: {line}" for line in found]

    def __str__(self) -> str:
        """Return the counts as one line of text."""
        return (
            f"{self.fault}, {self.work}: {self.runs} runs ({self.before} before, {self.during} during, {self.after} "
            f"after the work), {self.resumed} resumed, {len(self.violations)} violations"
        )

    def row(self) -> dict[str, Any]:
        """Return the counts in the form in which a record keeps them."""
        return asdict(self)
