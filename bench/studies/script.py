"""What do characters of several bytes cost?"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from bench.inputs import inputs
from bench.studies import texts
from bench.studies.stage_points import VOCABULARY, stage_point
from bench.studies.study import Point, Scale, Study
from impls.registry import STAGES, most_advanced


def points(folder: Path, scale: Scale) -> Iterator[Point]:
    """Yield points on the same stories, written in letters of one, two, three or four bytes."""
    del scale
    rows = [most_advanced(stage, compiled=compiled) for stage in STAGES for compiled in (False, True)]
    for name in texts.SCRIPTS:
        text = inputs(texts.in_script(folder, 200_000, name), None, VOCABULARY)
        yield from (stage_point(row, text, name) for row in rows)


STUDY = Study(
    title="Scripts",
    question="What do characters of several bytes cost?",
    x="script",
    x_unit="",
    unit="s",
    points=points,
)
