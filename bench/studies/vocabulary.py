"""How does time grow with the vocabulary?"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from bench.inputs import inputs
from bench.studies.stage_points import everyone, stage_point
from bench.studies.study import Point, Scale, Study


def points(folder: Path, scale: Scale) -> Iterator[Point]:
    """Yield points of trainers and encoders, with vocabularies of growing size."""
    del folder
    n_bytes = min(scale.largest // 10, 10_000_000)
    for vocab_size in (300, 1_000, 3_000, 10_000, 30_000):
        text = inputs("stories", n_bytes, vocab_size)
        rows = everyone("train", "encode", without=("train/naive", "encode/naive", "encode/set_pairs", "encode/heap"))
        yield from (stage_point(row, text, vocab_size) for row in rows)


STUDY = Study(
    title="Growth with the vocabulary",
    question="How does time grow with the vocabulary?",
    x="vocabulary",
    x_unit="tokens",
    unit="s",
    points=points,
    grows=True,
)
