"""Measurements of how training and encoding scale: memory, start of the process, size of the corpus, workers."""

from __future__ import annotations

import math
import os
from pathlib import Path
from typing import Any

from bench.peers.inputs import PeerInputs
from bench.peers.measurement import MEGABYTE, Measurement, Round, Row, Side, ratio, slope
from impls import UsageError
from impls.registry import most_advanced

SCALING_BYTES = 256 * MEGABYTE
"""Size of the text for two workers, unless the largest text asked for is smaller."""


def memory(inputs: PeerInputs) -> Measurement:
    """Compare the memory of training on a large text with the memory of training on a tiny text."""
    compiled = most_advanced("train", compiled=True).name

    def job(path: Path, **more: str) -> dict[str, Any]:
        return {"path": str(path), "vocab_size": inputs.vocab_size, "tie_break": "huggingface", **more}

    large = inputs.repeated(inputs.large_bytes)
    peer = {"name": "gigatoken", "expression": ""}
    size = f"{large.stat().st_size / 1e6:,.0f} MB"

    def above_tables(outcomes: Round) -> float:
        above = outcomes["ours"]["peak_rss"] - outcomes["next to nothing"]["peak_rss"]
        return float(above) / float(outcomes["tables"]["n_bytes"])

    return Measurement(
        (
            Side("ours", "train_ours", job(large, impl=compiled), "merges"),
            Side("gigatoken", "train_peer", job(large, **peer), "merges"),
            Side("once", "train_ours", job(inputs.path, impl=compiled)),
            Side("next to nothing", "train_ours", {**job(inputs.small, impl=compiled), "vocab_size": 300}),
            Side("tables", "tables_ours", {"path": str(large), "vocab_size": inputs.vocab_size}),
        ),
        (
            Row(
                f"peak RSS of training on {size} above a tiny training's, in sizes of the tables of pretokens",
                above_tables,
                ("ours", "next to nothing"),
                1.2,
                at_least=False,
                metric="peak_rss",
            ),
            ratio(
                f"growth: peak RSS on {size} to the peak RSS on the text once",
                "ours",
                "once",
                1.05,
                "peak_rss",
                at_least=False,
            ),
            ratio("peak RSS: gigatoken", "ours", "gigatoken", metric="peak_rss"),
        ),
    )


def start_up(inputs: PeerInputs) -> Measurement:
    """Start a process, train and encode a little: once without compiled code in the cache, once with it."""
    trainer, encoder = (most_advanced(stage, compiled=True).name for stage in ("train", "encode"))
    job = {"path": str(inputs.small), "trainer": trainer, "encoder": encoder}
    return Measurement(
        (
            Side("first", "ready", job, "ids", empty_cache=True),
            Side("later", "ready", job, "ids"),
            Side("import numba", "import_numba"),
        ),
        (
            Row(
                "first run ever, compiling all",
                lambda outcomes: float(outcomes["first"]["seconds"]),
                ("first", ""),
                15,
                at_least=False,
                unit="s",
            ),
            Row(
                "later process, small training and encoding done, above `import numba`",
                lambda outcomes: float(outcomes["later"]["seconds"]) - float(outcomes["import numba"]["seconds"]),
                ("later", "import numba"),
                0.5,
                at_least=False,
                unit="s",
            ),
        ),
    )


def growth(inputs: PeerInputs) -> Measurement:
    """Count, encode and train on texts of growing size."""
    n = max(2, 1 + round(math.log(inputs.large_bytes / MEGABYTE, 4)))
    wanted = (round(MEGABYTE * (inputs.large_bytes / MEGABYTE) ** (step / (n - 1))) for step in range(n))
    # A text that is repeated has a little more than the size asked for.
    texts = {path.stat().st_size: path for path in map(inputs.part, wanted)}
    sizes = list(texts)
    # The merge loop has no more work on a repeated text.
    own = sizes if inputs.grows else [size for size in sizes if size <= inputs.text.n_bytes]
    warm = {"path": str(inputs.small)}
    sides: list[Side] = []
    for size, text in texts.items():
        path, repeats = {"path": str(text)}, 3 if size < 64 * MEGABYTE else 1
        file = {**path, "tokenizer": str(inputs.saved), "output": str(inputs.output), "workers": None}
        sides += [
            Side(f"count {size}", "count_ours", {**path, "workers": None}, warm=warm, repeats=repeats),
            Side(f"encode {size}", "stream_ours", file, warm=warm, repeats=repeats),
        ]
        if size in own:
            job = {**path, "vocab_size": inputs.vocab_size}
            sides.append(Side(f"merge {size}", "merges_ours", job, warm={**warm, "vocab_size": 300}, repeats=repeats))
    rows = [slope("count", sizes, 1.05), slope("encode", sizes, 1.05)]
    return Measurement(tuple(sides), (*rows, *([slope("merge", own, 0.7)] if len(own) > 1 else [])))


def two_workers(inputs: PeerInputs) -> Measurement:
    """Count and encode with two workers and with one.

    Raises:
        UsageError: this process may use one core only.
    """
    if len(os.sched_getaffinity(0)) < 2:
        raise UsageError("two workers need two cores, but this process may use only one; let it use another core")
    text = inputs.part(min(SCALING_BYTES, inputs.large_bytes))
    path, warm = {"path": str(text)}, {"path": str(inputs.small)}
    encode = {**path, "tokenizer": str(inputs.saved)}
    file = {**encode, "output": str(inputs.output)}

    def sides(name: str, task: str, arguments: dict[str, Any], output: str) -> list[Side]:
        return [Side(f"{name} {n}", task, {**arguments, "workers": n}, output, warm, repeats=3) for n in (2, 1)]

    size = f"{text.stat().st_size / 1e6:,.0f} MB"
    return Measurement(
        (
            *sides("count", "count_ours", path, "pretokens with counts"),
            *sides("array", "array_ours", encode, "ids"),
            *sides("file", "stream_ours", file, "file of ids"),
        ),
        (
            ratio(f"count {size}: 2 workers against 1", "count 2", "count 1", 1.8),
            ratio("encode it to an array: 2 workers against 1", "array 2", "array 1", 1.8),
            ratio("encode it to a file, on the disk at the end: 2 workers against 1", "file 2", "file 1"),
        ),
    )
