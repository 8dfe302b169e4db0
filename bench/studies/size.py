"""How does time grow with the corpus?"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from bench.inputs import inputs
from bench.studies.stage_points import VOCABULARY, everyone, stage_point
from bench.studies.study import Point, Scale, Study

SIZES = tuple(scale * 10**power for power in range(3, 9) for scale in (3, 10))
"""Bytes of text, two points per factor of ten."""


def points(folder: Path, scale: Scale) -> Iterator[Point]:
    """Yield points of all implementations, on texts of growing size."""
    del folder
    for n_bytes in SIZES:
        if n_bytes <= scale.largest:
            text = inputs("stories", n_bytes, VOCABULARY)
            yield from (stage_point(row, text, n_bytes) for row in everyone("count", "train", "encode"))


STUDY = Study(
    title="Growth with the corpus",
    question="How does time grow with the corpus?",
    x="corpus",
    x_unit="bytes",
    unit="s",
    points=points,
    grows=True,
)
