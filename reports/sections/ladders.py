"""The ladders: all verdicts, all cases in one table, and each ladder drawn and listed."""

from __future__ import annotations

from reports.blocks import Block, Bullets, Figure, Paragraph
from reports.evidence import Evidence
from reports.figures import ladders
from reports.figures.counts import beside
from reports.figures.values import Cell
from reports.records import ladder as rows_of
from reports.records import ladders as all_ladders

COUNTS = "Counts do not depend on how busy the machine is; see Counts that do not drift."


def verdicts(evidence: Evidence) -> list[Block]:
    """Return one sentence per ladder: which is fastest, by how much, at what rate."""
    text = (
        f"Run of {evidence.bench.when} UTC. Every output was compared with the output of the simplest implementation "
        "before it was timed; a mismatch is an error and never a time. Trainers start from counted pretokens and "
        "read no file, so their rate is in merges per second."
    )
    sentences: list[Cell] = []
    for stage, workload, rows in all_ladders(evidence.bench):
        rungs = ladders.rungs(rows)
        best = ladders.fastest(rungs)
        gain = best.speedup
        sentences.append((
            f"{stage}, {workload}: {best.impl} is ", gain.alone, f" as fast as {rungs[0].impl} (",
            gain.least, " to ", gain.most, "), ", best.rate, f" {best.rate.unit}",
        ))  # fmt: skip
    return [Paragraph(text), Bullets(sentences)]


def cases(evidence: Evidence) -> list[Block]:
    """Return all cases in one table."""
    return [ladders.cases(evidence.bench)]


def ladder(evidence: Evidence, stage: str, workload: str) -> list[Block]:
    """Return one ladder: its speed-ups, the times of all rounds, and its table with the counts."""
    rungs = ladders.rungs(rows_of(evidence.bench, stage, workload))
    place = {"stage": stage, "workload": workload}
    blocks: list[Block] = [
        Figure(ladders.bars(rungs), f"Speed-up over {rungs[0].impl}: {stage}, {workload}", **place)
    ]
    strips = ladders.strips(rungs)
    if strips.strips:
        blocks.append(Figure(strips, f"Every round, and the median: {stage}, {workload}", **place))
    per, counted = beside(evidence.digests_with("call"), stage, workload)
    note = [Paragraph(f"{COUNTS} They are per {per}, of a whole call.")] if per else []
    return [*blocks, ladders.table(rungs, per, counted), *note]
