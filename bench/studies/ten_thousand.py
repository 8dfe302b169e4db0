"""What does a vocabulary of 10,000 cost?"""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from pathlib import Path

from bench.inputs import inputs
from bench.studies import fresh
from bench.studies.stage_points import VOCABULARY
from bench.studies.study import Point, Scale, Study
from impls.registry import most_advanced

LARGEST_OF_PYTHON = 10_000_000
"""Bytes of the largest text for pure Python."""


def points(folder: Path, scale: Scale) -> Iterator[Point]:
    """Yield points that train a vocabulary of 10,000 tokens, each in a new process: time, memory, longest token."""
    del folder
    sizes = (1_000_000, 10_000_000) if scale.name == "quick" else (10_000_000, 100_000_000, scale.largest)
    for n_bytes in sizes:
        path = str(inputs("stories", n_bytes, VOCABULARY).text.path)
        for row in (most_advanced("train", compiled=compiled) for compiled in (False, True)):
            if row.compiled or n_bytes <= LARGEST_OF_PYTHON:
                job = {"job": "train", "path": path, "impl": row.name, "vocab_size": 10_000}
                facts = {"bytes": n_bytes, "impl": row.name, "vocab_size": 10_000}
                measure = partial(fresh.measure_seconds, job)
                yield Point(f"train/{row.name}", n_bytes, f"10K {n_bytes}", measure, facts)


STUDY = Study(
    title="A vocabulary of 10,000",
    question="What does a vocabulary of 10,000 cost?",
    x="corpus",
    x_unit="bytes",
    unit="s",
    points=points,
)
