"""Says whether a small text and a large text have the same bottleneck."""

from __future__ import annotations

from reports.blocks import Block, Figure, Paragraph
from reports.evidence import Evidence
from reports.figures import profiles
from reports.figures.downscaling import downscaling as pipelines


def downscaling(evidence: Evidence) -> list[Block]:
    """Return the share of each stage by size of the text, and the function with the most time on two sizes."""
    blocks: list[Block] = []
    for one in pipelines(evidence.points("size")):
        caption = f"Share of the stages by size of the text, {one.name}"
        last, same = one.bottlenecks[-1], one.bottlenecks.count(one.bottlenecks[-1])
        verdict = (
            f"{one.name}: the bottleneck of ", one.sizes[-1],
            f" is {last}, which is the bottleneck of {same} of {len(one.sizes)} sizes.",
        )  # fmt: skip
        blocks += [Figure(one.drawing, caption), one.table, Paragraph(verdict)]
    same_function = profiles.same_largest(evidence.digests("cprofile"))
    if same_function.rows:
        blocks.append(same_function)
    return blocks
