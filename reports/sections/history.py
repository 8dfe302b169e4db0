"""The history of this machine: each case over all records, and the steps in it."""

from __future__ import annotations

from reports.blocks import Block, Figure, Paragraph
from reports.evidence import Evidence
from reports.figures import history as figures
from reports.figures.tables import Table
from reports.figures.tried import between
from reports.figures.values import Cell, Code, Value
from reports.records import Record


def history(evidence: Evidence) -> list[Block]:
    """Return a drawing per stage and workload, and a row per step."""
    records = evidence.history
    if len(records) < 2:
        return [Paragraph("One record of the benchmarks on this machine so far: a history begins with the second.")]
    drawings: list[Block] = [
        Figure(drawing, f"Median by record, and the fitted levels (dotted): {stage}, {workload}", stage, workload)
        for stage, workload, drawing in figures.lines(records)
    ]
    text = (
        Value(len(records), "records"), " records of this machine. A step is where a fitted model of constant levels "
        "changes its level; it takes ", Value(figures.FEWEST, "records"), " records to know how much they differ "
        "without one. A step of all cases at once is the machine's.",
    )  # fmt: skip
    return [Paragraph(text), *drawings, steps(figures.changes(records))]


def steps(found: list[figures.Change]) -> Block:
    """Return a row per step, with the commits between which it lies."""
    if not found:
        return Paragraph("No step was found.")
    rows: list[list[Cell]] = [
        [f"{one.stage}/{one.impl}", one.workload, one.change, commit(one.before), commit(one.after), entries(one)]
        for one in found
    ]
    return Table(["case", "workload", "takes", "since the commit after", "up to", "what was tried"], rows)


def entries(change: figures.Change) -> Cell:
    """Return links to the entries of the log that were written between the two commits of a step."""
    before, after = (record.commit.get("id") for record in (change.before, change.after))
    links = between(before, after)
    return tuple(part for link in links for part in (link, "; "))[:-1] if links else "no entry of the log"


def commit(record: Record) -> Cell:
    """Return the commit of a record."""
    return Code((record.commit.get("id") or "unknown")[:12])
