"""What do more workers bring?"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from bench.inputs import WORKERS, inputs
from bench.studies.stage_points import VOCABULARY, everyone, stage_point
from bench.studies.study import Point, Scale, Study

COMPILED_BYTES, PYTHON_BYTES = 16_000_000, 4_000_000
"""Size of the text for compiled code and for pure Python: several ranges per worker."""


def points(folder: Path, scale: Scale) -> Iterator[Point]:
    """Yield points of each parallel implementation, with one worker, two, and so on to the number of cores."""
    del folder, scale
    numbers = [2**power for power in range(WORKERS.bit_length()) if 2**power <= WORKERS]
    for row in everyone("count", "train", "encode"):
        if row.parallel:
            text = inputs("stories", COMPILED_BYTES if row.compiled else PYTHON_BYTES, VOCABULARY)
            yield from (stage_point(row, text, number, number) for number in numbers)


STUDY = Study(
    title="What workers bring",
    question="What do more workers bring?",
    x="workers",
    x_unit="workers",
    unit="s",
    points=points,
)
