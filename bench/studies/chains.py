"""Whole pipelines, stage by stage and merge by merge: a file is read, split, counted, merged, encoded and written."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from time import perf_counter
from typing import Any

import numpy as np

from bench.cases import PATTERN, SPECIAL_TOKENS, Prepared, count, output_digest, prepare
from bench.code import code_digest
from bench.studies.study import Check, Measured, Point, Scale, timed
from impls.contract import MergeEvent
from impls.kernels.compiler import kernel
from impls.kernels.helpers import Int
from impls.kernels.keys import BATCH
from impls.kernels.specials import next_special, pack_specials, special_at, special_length
from impls.kernels.splits import SPLITS
from impls.patterns import Splitter
from impls.registry import find

CHAINS = {"naive": ("findall", "naive", "naive"), "incremental": ("finditer", "incremental", "cached")} | {
    "jit": ("jit", "jit", "jit")
}
"""Pipelines by the name of their trainer: counter, trainer, encoder."""

SMALL, LARGE, VOCABULARY = 10_000, 1_000_000, 512
"""Bytes of text with and without the naive pipeline; vocabulary of both."""


def _scan() -> Any:
    scan_ends = SPLITS[PATTERN].scan_ends

    def count_ends(text: Any, classes: Any, specials: Any, ends: Any) -> Int:
        """Count the pretokens of valid UTF-8 text, uint8[n], and do nothing else."""
        total = np.int64(0)
        position = np.int64(0)
        while position < len(text):
            stop = next_special(text, position, len(text), specials)
            while position < stop:
                n = scan_ends(text, position, stop, classes, ends)
                total += n
                position = ends[n - 1]
            if stop < len(text):
                position = stop + special_length(special_at(text, stop, len(text), specials), specials)
        return total

    return kernel(count_ends, PATTERN)


COUNT_ENDS = _scan()


def split_only(compiled: bool, text: bytes) -> Callable[[], int]:
    """Return what splits a text and counts how many pretokens there are."""
    if compiled:
        array, classes = np.frombuffer(text, np.uint8), SPLITS[PATTERN].classes()
        specials = pack_specials(dict.fromkeys(SPECIAL_TOKENS, 0))
        return lambda: int(COUNT_ENDS(array, classes, specials, np.empty(BATCH, np.int64)))
    splitter = Splitter(PATTERN, SPECIAL_TOKENS)
    return lambda: sum(1 for _ in splitter.corpus_pretokens(text.decode()))


def stage_works(chain: str, inputs: Prepared, folder: Path) -> dict[str, Callable[[], Callable[[], Any]]]:
    """Return what is timed of each stage, by name, for one worker; "count" reads and splits as well."""
    counter, trainer, encoder = CHAINS[chain]
    corpus = inputs.corpus
    content, data = inputs.content, corpus.read(0, corpus.n_bytes)
    ids = inputs.tokenizer("jit").encode_to_array(content)
    output = folder / "ids.bin"
    return {
        "read": lambda: lambda: corpus.read(0, corpus.n_bytes),
        "split": lambda: split_only(chain == "jit", data),
        "count": lambda: partial(count, find("count", counter), corpus, 1),
        "merge": lambda: partial(find("train", trainer).load(), inputs.pretokens, n_merges=inputs.n_merges),
        "encode": lambda: partial(inputs.tokenizer(encoder).encode_to_array, content, workers=1),
        "write": lambda: lambda: output.write_bytes(ids.astype(np.uint16).data),
    }


def digest(output: Any) -> str:
    """Describe what any of the stages puts out."""
    return str(output) if isinstance(output, int) else output_digest(output) if not isinstance(output, bytes) else ""


def stages(folder: Path, scale: Scale) -> Iterator[Point]:
    """Each stage of each pipeline with one worker; the naive one on a smaller text."""
    del scale
    for n_bytes in (SMALL, LARGE):
        inputs = prepare("stories", n_bytes, VOCABULARY)
        for chain in CHAINS if n_bytes == SMALL else list(CHAINS)[1:]:
            for stage, new in stage_works(chain, inputs, folder).items():
                facts = {"bytes": inputs.corpus.n_bytes, "chain": chain, "stage": stage, "workers": 1}
                measure = timed(new, digest, loads=chain == "jit")
                yield Point(f"{chain}, {n_bytes}", stage, f"{stage} {n_bytes}", measure, facts)


def merges(folder: Path, scale: Scale) -> Iterator[Point]:
    """Every merge of each trainer as `on_merge` hears of it, in seconds and in occurrences."""
    del folder, scale
    for n_bytes, names in ((SMALL, ("naive", "weighted", "incremental", "jit")), (LARGE, ("incremental", "jit"))):
        inputs = prepare("stories", n_bytes, 2_000 if n_bytes == LARGE else VOCABULARY)
        for name in names:
            facts = {"bytes": n_bytes, "impl": name, "code_sha256": code_digest(find("train", name))}
            yield Point(f"train/{name}, {n_bytes}", "all", f"{n_bytes}", partial(each_merge, name, inputs), facts)


def each_merge(name: str, inputs: Prepared, check: Check, scale: Scale) -> Measured:
    """Train once and keep what each merge took; the samples are merges, not repetitions."""
    del scale
    train = find("train", name).load()
    events: list[MergeEvent] = []
    check(train(inputs.pretokens, n_merges=inputs.n_merges).digest())
    started = perf_counter()
    train(inputs.pretokens, n_merges=inputs.n_merges, on_merge=events.append)
    total = perf_counter() - started
    facts = {"counts": [event.count for event in events], "total_seconds": total}
    return Measured([round(event.seconds, 9) for event in events], facts)
