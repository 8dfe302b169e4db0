"""Jobs that run in a process of their own: `python -m bench.studies.jobs JSON` prints a report as JSON.

The time from the start of the process is measured too, so each job itself imports what it needs.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from time import monotonic, perf_counter
from typing import Any

from bench import PATTERN, SPECIAL_TOKENS
from bench.child import answer, peak_rss


def start(path: str, trainer: str, encoder: str, spawned: float) -> dict[str, Any]:
    """Import, train and encode, then train and encode again."""
    import hashlib
    from pathlib import Path

    from impls import Tokenizer, train_bpe

    text = Path(path).read_text("utf-8")

    def once() -> list[int]:
        vocab, merges = train_bpe(path, 300, SPECIAL_TOKENS, impl=trainer, workers=1)
        return Tokenizer(vocab, merges, SPECIAL_TOKENS, impl=encoder).encode(text[:1000])

    began = perf_counter()
    ids = once()
    first, ready = perf_counter() - began, monotonic() - spawned
    began = perf_counter()
    once()
    return {
        "digest": hashlib.sha256(json.dumps(ids).encode()).hexdigest(),
        "ready_seconds": ready,
        "first_call_seconds": first,
        "second_call_seconds": perf_counter() - began,
    }


def count(path: str, impl: str, workers: int, spawned: float) -> dict[str, Any]:
    """Count the pretokens of a file and report the peak of memory, child processes included."""
    del spawned
    from bench.memory import Sampler
    from impls.inputs.file import TextFile
    from impls.registry import find

    counter = find("count", impl).load()
    with Sampler() as sampler:
        pretokens = counter(TextFile.open(path), pattern=PATTERN, special_tokens=SPECIAL_TOKENS, workers=workers)
    return {
        "digest": pretokens.digest(),
        "peak_bytes": max(sampler.peak, peak_rss()),
        "before_bytes": sum(sampler.samples[0][1:]),
        "table_bytes": pretokens.bytes_.nbytes + pretokens.offsets.nbytes + pretokens.counts.nbytes,
    }


def train(path: str, impl: str, vocab_size: int, spawned: float) -> dict[str, Any]:
    """Train on a file, after a small training has loaded the code; report time, memory and the longest token."""
    del spawned
    import hashlib

    from impls import train_bpe
    from impls.registry import find

    find("train", impl).load()(empty(), n_merges=0)
    began = perf_counter()
    _, merges = train_bpe(path, vocab_size, SPECIAL_TOKENS, impl=impl)
    seconds = perf_counter() - began
    longest = max((left + right for left, right in merges), key=len)
    return {
        "digest": hashlib.sha256(repr(merges).encode()).hexdigest(),
        "seconds": seconds,
        "peak_bytes": peak_rss(),
        "merges": len(merges),
        "longest_token": longest.decode("utf-8", "replace"),
        "longest_token_bytes": len(longest),
    }


def train_memory(path: str, impl: str, vocab_size: int, spawned: float) -> dict[str, Any]:
    """Count, then train with a compiled trainer; report the memory, and the size of the trainer's arrays."""
    del spawned
    import os

    from bench.memory import resident
    from impls.contract import N_BYTES
    from impls.inputs.file import TextFile
    from impls.registry import find, load

    row = find("train", impl)
    train, initial_state = row.load(), load(f"{row.target.partition(':')[0]}:initial_state")
    pretokens = find("count", row.counter).load()(
        TextFile.open(path), pattern=PATTERN, special_tokens=SPECIAL_TOKENS, workers=1
    )
    train(empty(), n_merges=0)
    before = resident(os.getpid())
    n_merges = vocab_size - N_BYTES - len(SPECIAL_TOKENS)
    merges = train(pretokens, n_merges=n_merges)
    state = initial_state(pretokens, n_merges, "greatest")
    return {
        "digest": merges.digest(),
        "peak_bytes": peak_rss(),
        "before_bytes": before,
        "predicted_bytes": sum(array.nbytes for array in state),
        "unique_pretokens": len(pretokens),
    }


def empty() -> Any:
    """Return the smallest possible pretokens: they make a trainer load its code and take no time to train on."""
    from impls.contract import Pretokens

    return Pretokens.from_mapping({b"ab": 1})


Job = Callable[..., dict[str, Any]]

JOBS: dict[str, Job] = {"start": start, "count": count, "train": train, "train_memory": train_memory}


def run(order: dict[str, Any]) -> dict[str, Any]:
    """Carry out the job that an order names, with the arguments in the order."""
    return JOBS[order.pop("job")](**order)


if __name__ == "__main__":
    sys.exit(answer(run))
