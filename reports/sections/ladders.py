"""The ladder of one stage on one workload, drawn and listed."""

from __future__ import annotations

from reports.blocks import Block, Figure
from reports.evidence import Evidence
from reports.figures import ladders
from reports.records import ladder as rows_of


def ladder(evidence: Evidence, stage: str, workload: str) -> list[Block]:
    """Return the ladder."""
    rungs = ladders.rungs(rows_of(evidence.bench, stage, workload))
    caption = f"Speed-up over {rungs[0].impl}, logarithmic: {stage}, {workload}"
    return [Figure(ladders.bars(rungs), caption), ladders.table(rungs)]
