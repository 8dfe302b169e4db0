"""What came of the faults of one kind under one kind of work."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict, dataclass, field
from typing import Any


@dataclass
class Tally:
    """Counts.

    Attributes:
        fault: the kind of fault.
        work: the work that it disturbs.
        runs: how many faults there were.
        before, during, after: how many came before the first change of a file, between changes, and after the end.
        resumed: how many runs were begun again and ended.
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
        """Add one run; `found`: what it violates, `about`: the fault in words."""
        self.runs += 1
        setattr(self, phase, getattr(self, phase) + 1)
        self.resumed += resumed
        self.violations += [f"{about}: {line}" for line in found]

    def __str__(self) -> str:
        """Say it in one line."""
        return (
            f"{self.fault}, {self.work}: {self.runs} runs ({self.before} before, {self.during} during, {self.after} "
            f"after the work), {self.resumed} resumed, {len(self.violations)} violations"
        )

    def row(self) -> dict[str, Any]:
        """Return the counts as a record has them."""
        return asdict(self)
