"""Which implementation to take."""

from __future__ import annotations

from reports.blocks import Block, Paragraph
from reports.evidence import Evidence
from reports.figures import picks as figures


def picks(evidence: Evidence) -> list[Block]:
    """Return the fastest implementation by stage and size, compared with the second fastest."""
    note = (
        "The times are of a warm process. A fresh process has to load compiled code first, or to compile it where "
        "none is kept: see Start. `python -m impls pick` weighs both for this machine. Confidence is clear where the "
        "quartiles are apart, else open."
    )
    return [figures.table(evidence.points("size")), Paragraph(note)]
