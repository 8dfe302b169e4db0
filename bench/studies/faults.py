"""What do the known faults of tokenizer programs cost?

A fault of speed or memory is measured twice on the same input, in the series "faulty" and "here". A fault of
correctness has no time: both results are recorded as text.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from itertools import chain
from pathlib import Path
from time import perf_counter
from typing import Any

import numpy as np

from bench.studies.fault import Fault
from bench.studies.study import Check, Measured, OutputError, Point, Scale, Study
from bench.studies.tokenizer_faults import tokenizer_faults
from bench.studies.trainer_faults import trainer_faults


def points(folder: Path, scale: Scale) -> Iterator[Point]:
    """Yield a point for each of the two ways, "faulty" and "here", of every fault."""
    del folder, scale
    for fault in chain(tokenizer_faults(), trainer_faults()):
        for side in ("faulty", "here"):
            yield Point(side, fault.name, "", partial(measure_side, fault, side))


def measure_side(fault: Fault, side: str, check: Check, scale: Scale) -> Measured:
    """Measure one way of a fault; for speed, the two outputs must be equal, for correctness, they must differ."""
    del check
    run = fault.faulty if side == "faulty" else fault.here
    other = fault.here if side == "faulty" else fault.faulty
    facts: dict[str, Any] = {"kind": fault.kind, "test": fault.test}
    if fault.kind in ("correctness", "trainer"):
        result, expected = run(), other()
        if result == expected:
            raise OutputError("the faulty way gives the right result, so it is no fault; remove it from the table")
        return Measured([], {**facts, "result": str(result)})
    if fault.kind == "memory":
        return Measured([float(run())], facts)
    if not _equal(run(), other()):
        raise OutputError("the faulty way and mergelab's way have different outputs; make both do the same work")
    samples = []
    for _ in range(scale.min_rounds):
        started = perf_counter()
        run()
        samples.append(perf_counter() - started)
    return Measured(samples, facts)


def _equal(left: Any, right: Any) -> bool:
    return bool(np.array_equal(left, right) if isinstance(left, np.ndarray) else left == right)


STUDY = Study(
    title="Known faults of tokenizer programs",
    question="What do the known faults of tokenizer programs cost?",
    x="fault",
    x_unit="",
    unit="s",
    points=points,
)
