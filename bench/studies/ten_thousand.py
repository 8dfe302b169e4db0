"""What does a vocabulary of 10,000 cost?"""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from pathlib import Path

from bench.inputs import inputs
from bench.studies import fresh
from bench.studies.stage_points import VOCABULARY
from bench.studies.study import Point, Scale, Study


def points(folder: Path, scale: Scale) -> Iterator[Point]:
    """A vocabulary of 10,000 in a process of its own: time, memory, the longest token."""
    del folder
    sizes = (1_000_000, 10_000_000) if scale.name == "quick" else (10_000_000, 100_000_000, scale.largest)
    for n_bytes in sizes:
        path = str(inputs("stories", n_bytes, VOCABULARY).text.path)
        for name in ("incremental", "jit"):
            job = {"job": "train", "path": path, "impl": name, "vocab_size": 10_000}
            facts = {"bytes": n_bytes, "impl": name, "vocab_size": 10_000}
            if name == "incremental" and n_bytes > 10_000_000:
                continue
            measure = partial(fresh.measure_seconds, job)
            yield Point(f"train/{name}", n_bytes, f"10K {n_bytes}", measure, facts)


STUDY = Study(
    title="A vocabulary of 10,000",
    question="What does a vocabulary of 10,000 cost?",
    x="corpus",
    x_unit="bytes",
    unit="s",
    points=points,
)
