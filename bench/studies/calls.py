"""How long does a small call take?"""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from pathlib import Path
from time import perf_counter

import numpy as np

from bench.code import code_digest
from bench.inputs import Inputs, inputs, output_digest
from bench.studies.stage_points import everyone
from bench.studies.study import Check, Measured, Point, Scale, Study
from impls.registry import Impl

VOCABULARY = 4_096


def points(folder: Path, scale: Scale) -> Iterator[Point]:
    """Yield points of single calls of `Tokenizer.encode`, on known texts of 10 to 10,000 characters."""
    del folder, scale
    made = inputs("stories", 1_000_000, VOCABULARY)
    for length in (10, 100, 1_000, 10_000):
        for row in everyone("encode"):
            yield Point(
                f"encode/{row.name}",
                length,
                f"calls of {length}",
                partial(measure_calls, row, made, length),
                {"stage": "encode", "impl": row.name, "vocab_size": VOCABULARY, "code_sha256": code_digest(row)},
            )


def measure_calls(impl: Impl, made: Inputs, length: int, check: Check, scale: Scale) -> Measured:
    """Time calls one by one; each sample is a call on a different text."""
    tokenizer, content = made.tokenizer(impl.name), made.content
    parts = [content[start : start + length] for start in range(0, min(len(content), 200 * length), length)]
    parts = parts[: 200 if scale.name == "long" else max(10, min(50, 50_000 // length))]
    seen = [tokenizer.encode(part) for part in parts]
    check(output_digest(np.concatenate([np.array(ids, np.int32) for ids in seen])))
    samples = []
    for part in parts:
        started = perf_counter()
        tokenizer.encode(part)
        samples.append(perf_counter() - started)
    return Measured(samples, {"calls": len(parts), "corpus_sha256": made.sha256})


STUDY = Study(
    title="Small calls",
    question="How long does a small call take?",
    x="length of a call",
    x_unit="characters",
    unit="s",
    points=points,
)
