"""What do long pretokens cost?"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from bench.inputs import inputs
from bench.studies import texts
from bench.studies.stage_points import everyone, stage_point
from bench.studies.study import Point, Scale, Study


def points(folder: Path, scale: Scale) -> Iterator[Point]:
    """Yield points of trainers and encoders, on random words of growing length that hardly ever repeat."""
    del scale
    for length in (4, 16, 64, 256, 1_024, 4_096):
        text = inputs(texts.words(folder, 10_000, length), None, 400)
        rows = everyone("train", "encode", without=("train/naive",))
        yield from (stage_point(row, text, length) for row in rows)


STUDY = Study(
    title="Long pretokens",
    question="What do long pretokens cost?",
    x="length of a pretoken",
    x_unit="bytes",
    unit="s",
    points=points,
    grows=True,
)
