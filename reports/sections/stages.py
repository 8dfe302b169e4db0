"""The stages of a pipeline, and the cost of a merge as training goes on."""

from __future__ import annotations

from reports.blocks import Block, Details, Figure, Paragraph
from reports.evidence import Evidence
from reports.figures import stages as figures
from reports.presentation import or_missing


def stages(evidence: Evidence) -> list[Block]:
    """Return the blocks on the share of each stage in the time, then the blocks on the time per merge."""
    return [*or_missing(lambda: shares(evidence)), *or_missing(lambda: merge_by_merge(evidence))]


def shares(evidence: Evidence) -> list[Block]:
    """Show which stage takes the time, for each size of the text."""
    blocks: list[Block] = []
    for split in figures.stages(evidence.points("stages")):
        caption = ("Share of each stage, one worker, ", split.size, " of stories, vocabulary of 512")
        blocks += [Figure(split.drawing, caption), split.table]
    note = (
        "The measured time of counting includes reading and splitting, which are subtracted here. Encoding "
        "splits the text once more. Writing goes to the cache of the system."
    )
    return [*blocks, Paragraph(note)]


def merge_by_merge(evidence: Evidence) -> list[Block]:
    """Show the time per merge, as medians of neighbouring merges."""
    points = evidence.points("merges")
    blocks: list[Block] = []
    for size, drawing in figures.merge_lines(points):
        caption = ("Time per merge by its number, ", size, " of stories; medians of neighbouring merges")
        blocks.append(Figure(drawing, caption))
    note = (
        "The compiled trainer is slower here than in its ladder. To time single merges, it returns to Python after "
        "each merge, which costs more than most merges. Usually it makes thousands of merges in one call."
    )
    return [Details("Merge by merge", [*blocks, figures.merges(points), Paragraph(note)])]
