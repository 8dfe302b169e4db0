"""The table of measurements: which sides do the same work, what is computed from a round, and the bar for it.

A measurement has sides and rows. All its sides run once a round, ours first, each in a process of its own; a row
computes one number from a round. Outputs that must agree carry the same label; a side that is only there as a witness
for an output runs once and is not timed.
"""

from __future__ import annotations

import math
import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import numpy as np

from bench.peers.inputs import Inputs
from bench.peers.tasks import PATTERN
from impls import Tokenizer, UsageError
from impls.patterns import PATTERNS

MEGABYTE = 1_000_000

ENCODE_BYTES = 512 * MEGABYTE
"""What P.4 encodes, unless the largest text asked for is smaller."""

SCALING_BYTES = 256 * MEGABYTE
"""What P.11 counts and encodes, unless the largest text asked for is smaller."""

STRING_BYTES = 64 * MEGABYTE
"""At most this much becomes a list of ids at once."""

Outcome = Mapping[str, Any]
"""What a process reports: seconds, peak_rss and n_bytes (bytes), n, digest, samples (seconds)."""

Round = Mapping[str, Outcome]

Metric = Literal["seconds", "peak_rss"]


@dataclass(frozen=True)
class Side:
    """One piece of work in a process of its own.

    Attributes:
        name: unique in the measurement.
        task: a name of `tasks.TASKS`.
        arguments: of the task.
        output: label of the output; sides with the same label must put out the same; empty if there is nothing to
            compare with.
        warm: None measures the whole process from before its start; otherwise the task is done once before the clock
            starts, with these arguments replaced.
        repeats: how often the task is prepared and timed in the process; the median counts.
        cpus: how many cores the process may use; 0 for all.
        empty_cache: start without compiled code.
        witness: runs in the first round only and is not timed, for its output's sake.
    """

    name: str
    task: str
    arguments: Mapping[str, Any] = field(default_factory=dict)
    output: str = ""
    warm: Mapping[str, Any] | None = None
    repeats: int = 1
    cpus: int = 0
    empty_cache: bool = False
    witness: bool = False


@dataclass(frozen=True)
class Row:
    """One number of a round.

    Attributes:
        work: what it tells, in words.
        value: computes it.
        sides: the names of the two sides whose medians are shown, ours first; the second may be empty.
        bar: what it is held against; None where there is none.
        at_least: whether the bar is to be reached from above.
        unit: "x", "s" or nothing.
        metric: which figure of the sides is shown.
    """

    work: str
    value: Callable[[Round], float]
    sides: tuple[str, str]
    bar: float | None = None
    at_least: bool = True
    unit: str = "x"
    metric: Metric = "seconds"


@dataclass(frozen=True)
class Measurement:
    """Sides that run in turn, and what is computed from them."""

    sides: tuple[Side, ...]
    rows: tuple[Row, ...]


def ratio(
    work: str, ours: str, other: str, bar: float | None = None, metric: Metric = "seconds", at_least: bool = True
) -> Row:
    """Return the row that tells how many times the other's figure is as large as ours, or ours as the other's."""
    above, below = (other, ours) if at_least else (ours, other)
    return Row(
        work,
        lambda outcomes: float(outcomes[above][metric]) / float(outcomes[below][metric]),
        (ours, other),
        bar,
        at_least,
        metric=metric,
    )


def training(inputs: Inputs) -> Measurement:
    """P.1: from the file to merges."""
    job = {"path": str(inputs.text), "vocab_size": inputs.vocab_size}
    warm = {"path": str(inputs.small), "vocab_size": 300}
    ours = {**job, "impl": "auto", "tie_break": "huggingface"}
    same, other = "merges, ties as in HF tokenizers", "merges, ties to the smallest ids"

    def peer(name: str, tie_break: str = "huggingface") -> dict[str, Any]:
        return {**job, "name": name, "tie_break": tie_break, "expression": f"regex:{PATTERNS[PATTERN]}"}

    return Measurement(
        (
            Side("ours", "train_ours", ours, same),
            Side("gigatoken", "train_peer", peer("gigatoken"), same),
            Side("rustbpe", "train_peer", peer("rustbpe", "smallest_ids"), other),
            Side("HF tokenizers", "train_peer", peer("huggingface"), same),
            Side("ours, warm", "train_ours", {**ours, "impl": "jit"}, same, warm),
            Side("gigatoken, warm", "train_peer", peer("gigatoken"), same, warm),
            Side("rustbpe, warm", "train_peer", peer("rustbpe", "smallest_ids"), other, warm),
            # No implementation of ours has rustbpe's rule for ties; gigatoken has both rules.
            Side("smallest ids", "train_peer", peer("gigatoken", "smallest_ids"), other, witness=True),
        ),
        (
            ratio("train, file to merges, whole process: gigatoken", "ours", "gigatoken", 3),
            ratio("the same: rustbpe", "ours", "rustbpe", 5),
            ratio("the same: HF tokenizers", "ours", "HF tokenizers", 20),
            ratio("the same in a warm process: gigatoken", "ours, warm", "gigatoken, warm"),
            ratio("the same in a warm process: rustbpe", "ours, warm", "rustbpe, warm"),
        ),
    )


def counting(inputs: Inputs) -> Measurement:
    """P.2: from the file to unique pretokens with counts."""
    job, warm = {"path": str(inputs.text)}, {"path": str(inputs.small)}
    return Measurement(
        (
            Side("ours", "count_ours", {**job, "workers": None}, "pretokens with counts", warm),
            Side("gigatoken", "count_gigatoken", job, "pretokens with counts", warm),
        ),
        (ratio("count pretokens, all cores, warm process: gigatoken", "ours", "gigatoken", 1.5),),
    )


def merging(inputs: Inputs) -> Measurement:
    """P.3: from counted pretokens to merges."""
    job = {"path": str(inputs.text), "vocab_size": inputs.vocab_size}
    warm = {"path": str(inputs.small), "vocab_size": 300}
    peer = {**job, "name": "gigatoken", "tie_break": "huggingface", "expression": ""}
    return Measurement(
        (
            Side("ours", "merges_ours", job, "merges", warm),
            Side("gigatoken", "merges_gigatoken", peer, "merges", warm),
        ),
        (ratio("merge loop, warm process: gigatoken's total less its counting", "ours", "gigatoken", 4),),
    )


def encoding_a_file(inputs: Inputs) -> Measurement:
    """P.4: from a large file to a file of ids, start-up included. Ours waits until its file is on the disk."""
    tokenizer = inputs.tokenizer
    dtype = Tokenizer.load(tokenizer).id_dtype
    text = inputs.part(min(ENCODE_BYTES, inputs.large_bytes))
    size = text.stat().st_size
    job = {"tokenizer": str(tokenizer), "path": str(text), "output": str(inputs.output)}
    return Measurement(
        (
            Side("ours", "file_ours", job, "file of ids"),
            Side("gigatoken", "file_gigatoken", {**job, "dtype": dtype.str}, "file of ids"),
        ),
        (
            ratio(
                f"encode {size / 1e6:,.0f} MB, file to {dtype} file, whole process: gigatoken", "ours", "gigatoken", 1
            ),
            ratio("the same: peak RSS", "ours", "gigatoken", metric="peak_rss"),
        ),
    )


def encoding_to_an_array(inputs: Inputs) -> Measurement:
    """P.5: from bytes to an array with a new tokenizer in a warm process."""
    job = {"tokenizer": str(inputs.tokenizer), "path": str(inputs.text)}
    warm = {"path": str(inputs.small)}
    return Measurement(
        (
            Side("ours", "array_ours", job, "ids", warm, repeats=3),
            Side("gigatoken", "array_gigatoken", job, "ids", warm, repeats=3),
        ),
        (ratio("encode bytes to array, new tokenizer, all cores: gigatoken", "ours", "gigatoken", 1),),
    )


def encoding_to_a_list(inputs: Inputs) -> Measurement:
    """P.6: from a string to a list of ids, one core."""
    size = min(STRING_BYTES, inputs.text.stat().st_size)
    job = {"tokenizer": str(inputs.tokenizer), "path": str(inputs.part(size))}
    warm = {"path": str(inputs.small)}
    return Measurement(
        (
            Side("ours", "list_ours", job, "ids", warm, cpus=1),
            Side("tiktoken", "list_peer", {**job, "name": "tiktoken"}, "ids", warm, cpus=1),
            Side("gigatoken", "list_peer", {**job, "name": "gigatoken"}, "ids", warm, cpus=1),
        ),
        (
            ratio(
                f"encode {size / 1e6:,.1f} MB, str to list, new tokenizer, one core: tiktoken", "ours", "tiktoken", 5
            ),
            ratio("the same: gigatoken", "ours", "gigatoken"),
        ),
    )


def small_calls(inputs: Inputs) -> Measurement:
    """P.7: a call with 100 bytes."""
    job = {"tokenizer": str(inputs.tokenizer), "path": str(inputs.text)}
    return Measurement(
        (
            Side("ours", "calls_ours", job, "ids of all calls", {}, repeats=5, cpus=1),
            Side("tiktoken", "calls_peer", {**job, "name": "tiktoken"}, "ids of all calls", {}, repeats=5, cpus=1),
            Side("gigatoken", "calls_peer", {**job, "name": "gigatoken"}, "ids of all calls", {}, repeats=5, cpus=1),
        ),
        (
            ratio("encode 100 bytes, str to list, a call: tiktoken", "ours", "tiktoken", 1),
            ratio("the same: gigatoken", "ours", "gigatoken"),
        ),
    )


def memory(inputs: Inputs) -> Measurement:
    """P.8: what training takes beyond a process that trained on next to nothing."""

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
            Side("ours", "train_ours", job(large, impl="jit"), "merges"),
            Side("gigatoken", "train_peer", job(large, **peer), "merges"),
            Side("once", "train_ours", job(inputs.text, impl="jit")),
            Side("next to nothing", "train_ours", {**job(inputs.small, impl="jit"), "vocab_size": 300}),
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
                f"growth: peak RSS on {size} to that on the text once",
                "ours",
                "once",
                1.05,
                "peak_rss",
                at_least=False,
            ),
            ratio("peak RSS: gigatoken", "ours", "gigatoken", metric="peak_rss"),
        ),
    )


def start_up(inputs: Inputs) -> Measurement:
    """P.9: the first run ever, and a later one."""
    job = {"path": str(inputs.small)}
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


def growth(inputs: Inputs) -> Measurement:
    """P.10: time against the size of the corpus."""
    n = max(2, 1 + round(math.log(inputs.large_bytes / MEGABYTE, 4)))
    wanted = (round(MEGABYTE * (inputs.large_bytes / MEGABYTE) ** (step / (n - 1))) for step in range(n))
    # A text that is repeated has a little more than the size asked for.
    texts = {path.stat().st_size: path for path in map(inputs.part, wanted)}
    sizes = list(texts)
    # What a repeated text adds is nothing for the merge loop.
    own = sizes if inputs.grows else [size for size in sizes if size <= inputs.text.stat().st_size]
    warm = {"path": str(inputs.small)}
    sides: list[Side] = []
    for size, text in texts.items():
        path, repeats = {"path": str(text)}, 3 if size < 64 * MEGABYTE else 1
        file = {**path, "tokenizer": str(inputs.tokenizer), "output": str(inputs.output), "workers": None}
        sides += [
            Side(f"count {size}", "count_ours", {**path, "workers": None}, warm=warm, repeats=repeats),
            Side(f"encode {size}", "stream_ours", file, warm=warm, repeats=repeats),
        ]
        if size in own:
            job = {**path, "vocab_size": inputs.vocab_size}
            sides.append(Side(f"merge {size}", "merges_ours", job, warm={**warm, "vocab_size": 300}, repeats=repeats))
    rows = [slope("count", sizes, 1.05), slope("encode", sizes, 1.05)]
    return Measurement(tuple(sides), (*rows, *([slope("merge", own, 0.7)] if len(own) > 1 else [])))


def slope(stage: str, sizes: list[int], bar: float) -> Row:
    """Return the row of a log-log slope of time against bytes, the line of least squares."""

    def value(outcomes: Round) -> float:
        seconds = [outcomes[f"{stage} {size}"]["seconds"] for size in sizes]
        return float(np.polyfit(np.log(sizes), np.log(seconds), 1)[0])

    return Row(
        f"{stage}: log-log slope of time, {sizes[0] / 1e6:,.0f} MB to {sizes[-1] / 1e6:,.0f} MB",
        value,
        (f"{stage} {sizes[-1]}", f"{stage} {sizes[0]}"),
        bar,
        at_least=False,
        unit="",
    )


def two_workers(inputs: Inputs) -> Measurement:
    """P.11: two workers against one.

    Raises:
        UsageError: this process may use one core only.
    """
    if len(os.sched_getaffinity(0)) < 2:
        raise UsageError("two workers need two cores; this process may use one")
    text = inputs.part(min(SCALING_BYTES, inputs.large_bytes))
    path, warm = {"path": str(text)}, {"path": str(inputs.small)}
    encode = {**path, "tokenizer": str(inputs.tokenizer)}
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


def small_training(inputs: Inputs) -> Measurement:
    """P.12: a small training by a process that finds no compiled code."""
    path = inputs.part(min(133_000, inputs.text.stat().st_size))
    job = {"path": str(path), "vocab_size": 500, "impl": "auto", "tie_break": "greatest"}
    size = path.stat().st_size
    return Measurement(
        (Side("ours", "train_ours", job, empty_cache=True),),
        (
            Row(
                f"train on {size / 1e3:,.0f} KB to 500, whole process, empty cache",
                lambda outcomes: float(outcomes["ours"]["seconds"]),
                ("ours", ""),
                1,
                at_least=False,
                unit="s",
            ),
        ),
    )


def naive_to_fastest(inputs: Inputs) -> Measurement:
    """P.13: the whole way."""
    path = inputs.part(min(100_000, inputs.text.stat().st_size))
    job = {"path": str(path), "vocab_size": 320, "tie_break": "greatest"}
    warm = {"path": str(inputs.small), "vocab_size": 260}
    size = path.stat().st_size
    return Measurement(
        (
            Side("fastest", "train_ours", {**job, "impl": "jit"}, "merges", warm, repeats=5),
            Side("naive", "train_ours", {**job, "impl": "naive"}, "merges", warm),
        ),
        (ratio(f"train on {size / 1e3:,.0f} KB to 320, file to merges, warm: naive", "fastest", "naive"),),
    )


MEASUREMENTS: Mapping[str, Callable[[Inputs], Measurement]] = {
    "P.1": training,
    "P.2": counting,
    "P.3": merging,
    "P.4": encoding_a_file,
    "P.5": encoding_to_an_array,
    "P.6": encoding_to_a_list,
    "P.7": small_calls,
    "P.8": memory,
    "P.9": start_up,
    "P.10": growth,
    "P.11": two_workers,
    "P.12": small_training,
    "P.13": naive_to_fastest,
}
