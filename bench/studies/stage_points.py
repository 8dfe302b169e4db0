"""Points that time one stage: one implementation on the input that the stage gets for a text."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

from bench.code import code_digest
from bench.inputs import WORKERS, Inputs, count, output_digest
from bench.studies.study import Check, Measured, Point, Scale, timed
from impls.registry import Impl, implementations

VOCABULARY = 512
"""Vocabulary size of the studies that do not vary it: small enough for the naive trainer."""


def work(impl: Impl, made: Inputs, workers: int) -> Callable[[], Any]:
    """Prepare the work of a stage on a text, and return the call that is timed."""
    if impl.stage == "count":
        return partial(count, impl, made.text, workers)
    if impl.stage == "train":
        return partial(impl.load(), made.pretokens, n_merges=made.n_merges)
    tokenizer, content = made.tokenizer(impl.name), made.content
    return partial(tokenizer.encode_to_array, content, workers=workers)


def stage_point(impl: Impl, made: Inputs, x: float | str, workers: int = WORKERS) -> Point:
    """Return the point of one implementation on one text; all implementations must have the same output there."""

    def measure(check: Check, scale: Scale) -> Measured:
        measured = timed(partial(work, impl, made, workers), output_digest, loads=impl.compiled)(check, scale)
        measured.facts.update(
            bytes=made.text.n_bytes,
            characters=len(made.content),
            corpus_sha256=made.sha256,
            pretokens=int(made.pretokens.counts.sum()),
            unique_pretokens=len(made.pretokens),
        )
        return measured

    facts = {
        "stage": impl.stage,
        "impl": impl.name,
        "vocab_size": made.vocab_size,
        "workers": workers,
        "code_sha256": code_digest(impl),
    }
    return Point(f"{impl.stage}/{impl.name}", x, f"{impl.stage} {made}", measure, facts)


def everyone(*stages: str, without: Sequence[str] = ()) -> list[Impl]:
    """Return the implementations of `stages`, simplest first, apart from those in `without`."""
    rows = [row for stage in stages for row in implementations(stage)]
    return [row for row in rows if f"{row.stage}/{row.name}" not in without]
