"""Known faults: the cost of each, measured beside the right way, and the test that guards against it."""

from __future__ import annotations

from reports.blocks import Block, Heading
from reports.evidence import Evidence
from reports.figures import faults as figures
from reports.presentation import not_measured

HEADINGS = {"trainer": "Of programs that train a language model on the ids"}
"""Kind of fault -> its heading, if the name of the kind does not say enough."""


def faults(evidence: Evidence) -> list[Block]:
    """Return the faults kind by kind."""
    blocks: list[Block] = []
    for kind, table in figures.faults(evidence.points("faults")):
        blocks += [Heading(HEADINGS.get(kind, f"Of {kind}")), table]
    return [*blocks, *not_measured(evidence.study("faults"))]
