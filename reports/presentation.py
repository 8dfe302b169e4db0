"""The functions that present any study from its record; several sections use them."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from reports.blocks import Block, Bullets, Details, Figure, Paragraph, missing
from reports.errors import Missing
from reports.figures import studies
from reports.figures.values import Cell, Value
from reports.records import Study


def drawings(study: Study) -> Iterator[Block]:
    """Yield a drawing of the study, or one per stage; if the varied quantity has no order, yield no drawing."""
    if not studies.is_numeric(study):
        return
    stages = studies.stages(study)
    for stage in stages if len(stages) > 1 else [""]:
        of_stage = f" Stage {stage}." if stage else ""
        yield Figure(studies.lines(study, stage), f"{study.question}{of_stage} Median by {study.x_label}.")


def not_measured(study: Study) -> list[Block]:
    """List the missing points of a study with the reasons. Of the points left out, list the first of each series."""
    entries: list[Cell] = []
    for series in dict.fromkeys(row["series"] for row in study.left_out):
        first, *others = (row for row in study.left_out if row["series"] == series)
        beyond = " and beyond" if others else ""
        entries.append((f"{series}: ", Value(first["x"]), f" ({first['reason']}){beyond}"))
    entries += [f"{row['series']} at {row['x']}: error, no time: {row['error']}" for row in study.errors]
    return [Paragraph("Not measured:"), Bullets(entries)] if entries else []


def shown(study: Study, *more: Block) -> list[Block]:
    """Show a study: drawings, medians with quartiles, `more`, and the points that are missing."""
    if study.points.empty:
        return [missing("no point of it could be measured"), *not_measured(study)]
    everything = Details("All medians", [studies.values(study), *not_measured(study)])
    return [*drawings(study), *([*more, everything] if more else everything.blocks)]


def or_missing(make: Callable[[], list[Block]]) -> list[Block]:
    """Return the blocks, or the reason for their absence."""
    try:
        return make()
    except Missing as why:
        return [missing(why)]
