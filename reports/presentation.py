"""How any study is shown, by what its record says of it; sections of several studies share this."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from reports.blocks import Block, Bullets, Figure, Paragraph, missing
from reports.errors import Missing
from reports.figures import studies
from reports.figures.values import Value
from reports.records import Study


def drawings(study: Study) -> Iterator[Block]:
    """Yield a drawing of the study, or one per stage; none where what is varied has no order."""
    if not studies.is_numeric(study):
        return
    stages = studies.stages(study)
    for stage in stages if len(stages) > 1 else [""]:
        of_stage = f" Stage {stage}." if stage else ""
        yield Figure(studies.lines(study, stage), f"{study.question}{of_stage} Median by {study.x_label}.")


def not_measured(study: Study) -> list[Block]:
    """List what is missing from a study, and why; points of one reason together."""
    rows: dict[str, list[dict[str, Any]]] = {}
    for row in study.left_out:
        rows.setdefault(row["series"], []).append(row)
    entries: list[Any] = [
        (f"{series}: ", Value(first["x"]), f" ({first['reason']})", " and beyond" if others else "")
        for series, (first, *others) in rows.items()
    ]
    entries += [f"{row['series']} at {row['x']}: error, no time: {row['error']}" for row in study.errors]
    return [Paragraph("Not measured:"), Bullets(entries)] if entries else []


def measured(study: Study) -> list[Block]:
    """Show what was measured: drawings, and medians with quartiles."""
    return [*drawings(study), studies.values(study)]


def shown(study: Study, *more: Block) -> list[Block]:
    """Show a study: what was measured, `more` of it, and what is missing."""
    if study.points.empty:
        return [missing("no point of it could be measured"), *not_measured(study)]
    return [*measured(study), *more, *not_measured(study)]


def or_missing(make: Callable[[], list[Block]]) -> list[Block]:
    """Return blocks, or why there are none."""
    try:
        return make()
    except Missing as why:
        return [missing(why)]
