"""Is the trainer's memory what its arrays predict?"""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from pathlib import Path

from bench.code import code_digest
from bench.inputs import inputs
from bench.studies import fresh
from bench.studies.stage_points import VOCABULARY
from bench.studies.study import Point, Scale, Study
from impls.registry import most_advanced


def points(folder: Path, scale: Scale) -> Iterator[Point]:
    """Yield points of the compiled trainer's peak memory, with the growth that the sizes of its arrays predict."""
    del folder
    row = most_advanced("train", compiled=True)
    for n_bytes in (1_000_000, 10_000_000, min(30_000_000, 3 * scale.largest)):
        path = str(inputs("stories", n_bytes, VOCABULARY).text.path)
        job = {"job": "train_memory", "path": path, "impl": row.name, "vocab_size": 4_096}
        facts = {"bytes": n_bytes, "vocab_size": 4_096, "code_sha256": code_digest(row)}
        yield Point(f"train/{row.name}", n_bytes, "", partial(fresh.measure_peak, job), facts)


STUDY = Study(
    title="Memory of training",
    question="Is the trainer's memory what its arrays predict?",
    x="corpus",
    x_unit="bytes",
    unit="bytes",
    points=points,
)
