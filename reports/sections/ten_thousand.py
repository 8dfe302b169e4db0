"""A vocabulary of 10,000: time, memory, longest token."""

from __future__ import annotations

from reports.blocks import Block, Paragraph
from reports.evidence import Evidence
from reports.figures import vocabularies
from reports.presentation import not_measured


def ten_thousand(evidence: Evidence) -> list[Block]:
    """Return a row per training."""
    points, study = evidence.points("ten_thousand"), evidence.study("ten_thousand")
    note = (
        "From file to merges in a process of its own, with its code loaded before; stories. Where there are fewer "
        "merges, no pair was left."
    )
    return [vocabularies.cost(points), Paragraph(note), *not_measured(study)]
