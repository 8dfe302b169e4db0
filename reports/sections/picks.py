"""Which implementation to take."""

from __future__ import annotations

from reports.blocks import Block, Paragraph
from reports.evidence import Evidence
from reports.figures import picks as figures


def picks(evidence: Evidence) -> list[Block]:
    """Return the fastest implementation by stage and size, compared with the second fastest."""
    note = (
        "The times are of a warm process. A fresh process first has to load compiled code, or to compile it if the "
        "cache is empty: see Start. `python -m impls pick` adds this time to its prediction. Confidence is clear if "
        "the quartiles of the two fastest do not overlap, else open."
    )
    return [figures.table(evidence.points("size")), Paragraph(note)]
