"""How long does it take until the first result?"""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from pathlib import Path

from bench.inputs import WORKERS, inputs
from bench.studies import fresh
from bench.studies.stage_points import VOCABULARY
from bench.studies.study import Point, Scale, Study
from impls.registry import most_advanced


def points(folder: Path, scale: Scale) -> Iterator[Point]:
    """Yield points from a process's start to its first ids, with and without cached code, and of its second ids."""
    del folder
    text = str(inputs("stories", 30_000, VOCABULARY).text.path)
    for name, compiled in (("pure Python", False), ("compiled", True)):
        trainer, encoder = (most_advanced(stage, compiled=compiled).name for stage in ("train", "encode"))
        for state in ("empty cache", "full cache", "warm process"):
            rounds = 1 if state == "empty cache" and scale.name == "quick" else 3
            job = {"job": "start", "path": text, "trainer": trainer, "encoder": encoder}
            yield Point(name, state, "start", partial(fresh.measure_start, job, state, rounds), {"workers": WORKERS})


STUDY = Study(
    title="Start",
    question="How long does it take until the first result?",
    x="state",
    x_unit="",
    unit="s",
    points=points,
)
