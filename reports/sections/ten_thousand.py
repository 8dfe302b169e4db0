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
        "Training on stories, from the file to merges, each in a process of its own whose code was loaded before. If "
        "there are fewer merges than wanted, no pair was left."
    )
    return [vocabularies.cost(points), Paragraph(note), *not_measured(study)]
