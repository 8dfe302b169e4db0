"""How much memory does counting need?"""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from pathlib import Path

from bench.code import code_digest
from bench.inputs import WORKERS, inputs
from bench.studies import fresh
from bench.studies.stage_points import VOCABULARY, everyone
from bench.studies.study import Point, Scale, Study


def points(folder: Path, scale: Scale) -> Iterator[Point]:
    """Yield points of peak memory: each counts a file in a new process, by size of the file and number of workers."""
    del folder, scale
    for n_bytes in (1_000_000, 10_000_000):
        path = str(inputs("stories", n_bytes, VOCABULARY).text.path)
        for row in everyone("count"):
            for number in (1, WORKERS) if row.parallel and WORKERS > 1 else (1,):
                job = {"job": "count", "impl": row.name, "path": path, "workers": number}
                series = f"count/{row.name}, {number} worker{'s' if number > 1 else ''}"
                facts = {"impl": row.name, "workers": number, "bytes": n_bytes, "code_sha256": code_digest(row)}
                yield Point(series, n_bytes, f"memory {n_bytes}", partial(fresh.measure_peak, job), facts)


STUDY = Study(
    title="Memory of counting",
    question="How much memory does counting need?",
    x="corpus",
    x_unit="bytes",
    unit="bytes",
    points=points,
)
