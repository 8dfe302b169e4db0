"""The workloads, and the cases that were left out."""

from __future__ import annotations

from reports.blocks import Block, Bullets, Details
from reports.evidence import Evidence
from reports.figures import workloads as figures


def workloads(evidence: Evidence) -> list[Block]:
    """Return the workloads, and the reason for each case that was not measured."""
    blocks: list[Block] = [figures.table(evidence.bench)]
    skipped = evidence.bench.skipped.to_dict("records")
    if skipped:
        reasons = [f"{row['stage']}/{row['impl']} on {row['workload']}: {row['reason']}" for row in skipped]
        blocks.append(Details("Not measured", [Bullets(reasons)]))
    return blocks
