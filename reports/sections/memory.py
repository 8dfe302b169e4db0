"""Memory: by call site, over time, by size of the text, and compared with predictions."""

from __future__ import annotations

from reports.blocks import Block, Figure, Heading, Paragraph, missing
from reports.evidence import Evidence
from reports.figures import memory as figures
from reports.presentation import or_missing, shown


def memory(evidence: Evidence) -> list[Block]:
    """Return the profiles, then the studies, then the tensors of a training step."""
    evidence.content("profiles")
    found = evidence.digests_with("sites")
    return [
        Heading("By call site, at the peak"),
        figures.sites(found) if found else missing("no profile by memray"),
        *over_time(evidence),
        Heading("Counting, by file and workers"),
        *or_missing(lambda: shown(evidence.study("memory"))),
        Heading("Training, predicted"),
        *or_missing(lambda: training(evidence)),
        *tensors(evidence),
    ]


def over_time(evidence: Evidence) -> list[Block]:
    """Draw resident memory, children included."""
    heading, found = Heading("Over time, children included"), evidence.digests_with("memory")
    if not found:
        return [heading, missing("no run of the tool rss")]
    caption = "Resident memory of the process and its children"
    return [heading, Figure(figures.over_time(found), caption), figures.resident(found)]


def training(evidence: Evidence) -> list[Block]:
    """Compare the sizes of the trainer's arrays with the rise of memory."""
    blocks, points = shown(evidence.study("trainer_memory")), evidence.points("trainer_memory")
    note = "Pages that are never written to take no memory, so memory may rise by less than the arrays hold."
    return [*blocks, figures.predicted(points), Paragraph(note)]


def tensors(evidence: Evidence) -> list[Block]:
    """Compare the tensors of a training step with the prediction from the shape of the model."""
    heading, found = Heading("A training step, predicted"), evidence.digests_with("tensor_bytes")
    if not found:
        return [heading, missing("no profile by torch")]
    note = (
        "Activations are the values that the forward pass keeps for the backward pass. The prediction is for the "
        "fused operations; the reference operations keep more."
    )
    return [heading, figures.tensors(found), Paragraph(note)]
