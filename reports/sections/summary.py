"""The first screen: an introduction, the ladders, the fastest implementations, and advice which to take."""

from __future__ import annotations

from impls.registry import STAGES, implementations
from reports.blocks import Block, Bullets, Figure, Heading, Paragraph, missing
from reports.errors import Missing
from reports.evidence import Evidence
from reports.figures import ladders, picks
from reports.figures.values import Cell
from reports.ideas import ideas
from reports.records import Record


def summary(evidence: Evidence) -> list[Block]:
    """Return the blocks of the first screen, with errors and stale records at the end if there are any."""
    record = evidence.bench
    blocks: list[Block] = [
        Paragraph(
            "mergelab turns text into token ids by byte-level BPE in three stages. Each stage has several "
            "implementations, from naive code to compiled code. Their outputs are checked to be identical before "
            "anything is timed. This page shows the gain of each step, measured on "
            f"{record.machine['cpu']['brand_raw']}, {record.when[:10]}."
        ),
        *drawn(record),
        Heading("Fastest by stage and workload"),
        ladders.matrix(record),
        Heading("What to take"),
        *advice(evidence),
    ]
    groups = (errors(record), stale_sentences(evidence))
    return [*blocks, *(Bullets(sentences) for sentences in groups if sentences)]


def drawn(record: Record) -> list[Block]:
    """Draw a ladder per stage, all along one axis. Beside each step stand the removed work and the gain."""
    found, told = ladders.tallest(record), ideas()
    ends = ladders.limits([rungs for *_, rungs in found])
    figures: list[Block] = []
    for stage, workload, rungs in found:
        names = [rung.impl for rung in rungs if f"{stage}/{rung.impl}" in told]
        removed = {name: told[f"{stage}/{name}"].removed for name in names}
        figures.append(Figure(ladders.bars(rungs, removed, ends), f"{stage}, {workload}", stage, workload))
    note = (
        "Each bar says how many times as fast an implementation is as the first of its stage. The work that the step "
        "removes stands after the minus sign, and the gain stands at the right. The thin line is the spread."
    )
    return [*figures, Paragraph(note, of_drawings=True)]


def advice(evidence: Evidence) -> list[Block]:
    """Say which implementation to take from which size on, and how long a fresh process takes to load it."""
    try:
        found = picks.lasting(evidence.points("size"))
        start = picks.start(evidence.points("start"))
    except Missing as why:
        return [missing(why)]
    except (LookupError, TypeError, ArithmeticError, ValueError, AttributeError):
        return [missing("the record of studies lacks a field; the chapters below name it")]
    entries: list[Cell] = [(f"{pick.stage}: take `{pick.impl}` from ", pick.size, " of text on") for pick in found]
    note = (
        "In a warm process. A fresh process first loads compiled code, ", start.loading, ", or compiles it once per "
        "machine, ", start.compiling, ". `impl=\"auto\"` weighs both; `python -m impls pick` says how.",
    )  # fmt: skip
    return [Bullets(entries), Paragraph(note)]


def errors(record: Record) -> list[Cell]:
    """Return one sentence per case that failed."""
    rows = record.errors.to_dict("records")
    return [f"{row['stage']}/{row['impl']} on {row['workload']}: error, no time: {row['error']}" for row in rows]


def stale_sentences(evidence: Evidence) -> list[str]:
    """Return a sentence for each record that was made before the code changed."""
    n_all = sum(len(implementations(stage)) for stage in STAGES)
    said = {
        kind: ", ".join(changed) if len(changed) < n_all else "all implementations"
        for kind, changed in evidence.stale().items()
    }
    return [
        f"Stale: {evidence.names[kind]} was made before the code of {names} changed; it has figures of the old code"
        for kind, names in said.items()
    ]
