"""Summary: the verdicts first, then growth and picks, then stale records."""

from __future__ import annotations

from impls.registry import STAGES, implementations
from reports.blocks import Block, Bullets, Paragraph
from reports.errors import Missing
from reports.evidence import Evidence
from reports.figures import growth, ladders, picks
from reports.figures.values import Cell
from reports.records import Record
from reports.records import ladders as all_ladders


def summary(evidence: Evidence) -> list[Block]:
    """Return the verdicts, errors, growth with picks, and stale records."""
    blocks: list[Block] = [
        Paragraph(
            f"Run of {evidence.bench.when} UTC. Every output was compared with the output of the simplest "
            "implementation before it was timed; a mismatch is an error and never a time."
        )
    ]
    groups = (verdicts(evidence.bench), errors(evidence.bench), outlook(evidence), stale_sentences(evidence))
    return [*blocks, *(Bullets(sentences) for sentences in groups if sentences)]


def verdicts(record: Record) -> list[Cell]:
    """Return one sentence per ladder: which implementation is fastest, by how much, and at what rate."""
    sentences: list[Cell] = []
    for stage, workload, rows in all_ladders(record):
        rungs = ladders.rungs(rows)
        best = ladders.fastest(rungs)
        gain = best.speedup
        sentences.append((
            f"{stage}, {workload}: {best.impl} is ", gain.alone, f" as fast as {rungs[0].impl} (",
            gain.least, " to ", gain.most, "), ", best.rate, " MB/s",
        ))  # fmt: skip
    return sentences


def errors(record: Record) -> list[Cell]:
    """Return one sentence per case that failed."""
    rows = record.errors.to_dict("records")
    return [f"{row['stage']}/{row['impl']} on {row['workload']}: error, no time: {row['error']}" for row in rows]


def outlook(evidence: Evidence) -> list[Cell]:
    """Return how the fastest implementation of each stage grows with the corpus, and the picks for large texts."""
    try:
        points = evidence.points("size")
    except Missing:
        return []
    return [
        *(
            (f"{row.stage}: the time of {row.series} grows with the corpus to the power ", row.exponent)
            for row in growth.of_the_fastest(points)
        ),
        *(
            (f"{pick.stage}: take {pick.impl} in a warm process from ", pick.size, " on")
            for pick in picks.lasting(points)
        ),
    ]


def stale_sentences(evidence: Evidence) -> list[str]:
    """Return a sentence for each record that was made before the code changed."""
    n_all = sum(len(implementations(stage)) for stage in STAGES)
    said = {
        kind: ", ".join(changed) if len(changed) < n_all else "all implementations"
        for kind, changed in evidence.stale().items()
    }
    return [
        f"Stale: {evidence.names[kind]} was made before the code of {names} changed; its figures are of that code"
        for kind, names in said.items()
    ]
