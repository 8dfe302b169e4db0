"""What came of the faults of one kind under one kind of work."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import asdict, dataclass, field
from typing import Any

PHASES = ("before", "during", "after")
"""When a fault comes: before the first file changes, while files change, after the end of the process."""


@dataclass
class Tally:
    """Counts.

    Attributes:
        fault: the kind of fault.
        work: the work that it disturbs.
        runs: how many faults there were.
        before, during, after: when they came, see `PHASES`.
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

    def row(self) -> dict[str, Any]:
        """Return the counts as a record has them."""
        return asdict(self)


def in_all(rows: Iterable[dict[str, Any]]) -> Counter[str]:
    """Return the sums of the counts over rows of a record; `violations` counts the lines."""
    total: Counter[str] = Counter()
    for row in rows:
        total.update({name: row[name] for name in ("runs", *PHASES, "resumed")})
        total["violations"] += len(row["violations"])
    return total
