"""What does working on unique pretokens bring, by how often they repeat?"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from bench.inputs import inputs
from bench.studies import texts
from bench.studies.stage_points import everyone, stage_point
from bench.studies.study import Point, Scale, Study


def points(folder: Path, scale: Scale) -> Iterator[Point]:
    """Yield points of trainers, on texts of equal size in which a part is repeated more and more often."""
    del scale
    for times in (1, 2, 4, 8, 16, 32):
        text = inputs(texts.repeated(folder, 8_000, times), None, 300)
        yield from (stage_point(row, text, times) for row in everyone("train"))


STUDY = Study(
    title="What repetition brings",
    question="What does working on unique pretokens bring, by how often they repeat?",
    x="copies of one part in a text of 8 KB",
    x_unit="copies",
    unit="s",
    points=points,
)
