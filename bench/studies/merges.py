"""How does the cost of a merge change as training goes on?"""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from pathlib import Path
from time import perf_counter

from bench.code import code_digest
from bench.inputs import Inputs, inputs
from bench.studies import chains
from bench.studies.study import Check, Measured, Point, Scale, Study
from impls.contract import MergeEvent
from impls.registry import Impl, implementations

LARGE_VOCABULARY = 2_000
"""Vocabulary size on the larger text."""


def points(folder: Path, scale: Scale) -> Iterator[Point]:
    """Yield a point per trainer and text; its samples are the seconds of each merge, as `on_merge` gets them."""
    del folder, scale
    fast = [chain.trainer for chain in chains.chains()[1:]]
    for n_bytes, vocab_size, rows in (
        (chains.SMALL, chains.VOCABULARY, implementations("train")),
        (chains.LARGE, LARGE_VOCABULARY, fast),
    ):
        made = inputs("stories", n_bytes, vocab_size)
        for row in rows:
            facts = {"bytes": n_bytes, "impl": row.name, "code_sha256": code_digest(row)}
            yield Point(f"train/{row.name}, {n_bytes}", "all", f"{n_bytes}", partial(each_merge, row, made), facts)


def each_merge(impl: Impl, made: Inputs, check: Check, scale: Scale) -> Measured:
    """Train once and keep the seconds of each merge; so there is one sample per merge, not per round."""
    del scale
    train = impl.load()
    events: list[MergeEvent] = []
    check(train(made.pretokens, n_merges=made.n_merges).digest())
    started = perf_counter()
    train(made.pretokens, n_merges=made.n_merges, on_merge=events.append)
    total = perf_counter() - started
    facts = {"counts": [event.count for event in events], "total_seconds": total}
    return Measured([round(event.seconds, 9) for event in events], facts)


STUDY = Study(
    title="Merge by merge",
    question="How does the cost of a merge change as training goes on?",
    x="merge",
    x_unit="",
    unit="s",
    points=points,
)
