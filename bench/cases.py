"""What a benchmark case is, what it is compared with, and what its record carries.

The output of the simplest implementation that takes part in a workload is what all others must produce. It is
checked on the very call that warms an implementation up: a mismatch fails the case, and no time is ever taken.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache, cached_property
from time import perf_counter
from typing import Any

import numpy as np
import pytest
from pytest_benchmark.fixture import BenchmarkFixture

from bench.code import code_digest, versions
from data import get
from data.workloads import Workload
from impls import Tokenizer, train_bpe
from impls.contract import Merges, Pretokens
from impls.inputs.file import TextFile
from impls.registry import Impl, find, implementations

SPECIAL_TOKENS = ["<|endoftext|>"]
PATTERN = "gpt2"
WORKERS = len(os.sched_getaffinity(0))

SECONDS_A_CASE = 1.0
"""Rounds are as many as fit in here, within the bounds below."""

MIN_ROUNDS, MAX_ROUNDS = 3, 25

Setup = Callable[[], tuple[tuple[Any, ...], dict[str, Any]]]


@dataclass(frozen=True)
class Case:
    """One implementation on one workload."""

    impl: Impl
    workload: Workload

    def __str__(self) -> str:
        """Name the case in test ids and records."""
        return f"{self.impl.stage}-{self.impl.name}-{self.workload.name}"

    @property
    def reason_to_skip(self) -> str | None:
        """Why this pair is not measured, None if it is."""
        return self.workload.skip.get(f"{self.impl.stage}/{self.impl.name}")


def cases(stage: str, workloads: tuple[Workload, ...]) -> list[Case]:
    """Return all pairs of a stage, simplest implementation first."""
    return [Case(impl, workload) for workload in workloads for impl in implementations(stage)]


@dataclass(frozen=True)
class Prepared:
    """A workload's inputs: the file, and what the stages before the timed one made of it."""

    corpus: TextFile
    sha256: str
    pretokens: Pretokens
    n_merges: int
    vocab: dict[int, bytes]
    merges: list[tuple[bytes, bytes]]

    @cached_property
    def content(self) -> str:
        """The text of the corpus."""
        return self.corpus.text(0, self.corpus.n_bytes)

    def tokenizer(self, impl: str) -> Tokenizer:
        """Return a new tokenizer, its caches empty, with the vocabulary of the workload."""
        return Tokenizer(self.vocab, self.merges, SPECIAL_TOKENS, pattern=PATTERN, impl=impl)


@cache
def prepare(corpus_name: str, n_bytes: int | None, vocab_size: int) -> Prepared:
    """Make the inputs of a workload, once a run, with compiled code."""
    path = get(corpus_name, n_bytes)
    corpus = TextFile.open(path)
    vocab, merges = train_bpe(path, vocab_size, SPECIAL_TOKENS, pattern=PATTERN, impl="jit")
    return Prepared(
        corpus,
        hashlib.sha256(path.read_bytes()).hexdigest(),
        count(find("count", "jit"), corpus),
        vocab_size - 256 - len(SPECIAL_TOKENS),
        vocab,
        merges,
    )


def inputs(workload: Workload) -> Prepared:
    """Return the inputs of a workload."""
    return prepare(workload.corpus, workload.bytes, workload.vocab_size)


def count(impl: Impl, corpus: TextFile, workers: int = WORKERS) -> Pretokens:
    """Count with one implementation."""
    pretokens: Pretokens = impl.load()(corpus, pattern=PATTERN, special_tokens=SPECIAL_TOKENS, workers=workers)
    return pretokens


def output_digest(output: Any) -> str:
    """Hash what a stage put out."""
    if isinstance(output, Pretokens | Merges):
        return output.digest()
    return hashlib.sha256(np.ascontiguousarray(output, "<i4").tobytes()).hexdigest()


def rounds_that_fit(seconds: float) -> int:
    """Return how often to time what takes so long."""
    return min(max(int(SECONDS_A_CASE / seconds), MIN_ROUNDS), MAX_ROUNDS)


_expected: dict[tuple[str, str], str] = {}


def expected_digest(case: Case, run: Callable[[Impl], Any], produced: str) -> str:
    """Return the digest that all implementations of the case's stage must produce on its workload.

    `produced` is that of the case itself, which may be the oracle.
    """
    key = (case.impl.stage, case.workload.name)
    if key not in _expected:
        oracle = next(c.impl for c in cases(case.impl.stage, (case.workload,)) if not c.reason_to_skip)
        _expected[key] = produced if oracle == case.impl else output_digest(run(oracle))
    known = case.workload.expected.get(case.impl.stage)
    if known and known != _expected[key]:
        pytest.fail(f"{case}: the oracle's output has digest {_expected[key]}, workloads.toml says {known}")
    return _expected[key]


def verify_and_time(
    benchmark: BenchmarkFixture, case: Case, run: Callable[[Impl], Any], setup: Setup, target: Callable[..., Any]
) -> None:
    """Compare the output of `run` with the oracle's, then time `target` on what `setup` returns.

    Both do the same work; `setup` keeps what is timed apart (building a tokenizer) out of it.
    """
    if case.reason_to_skip:
        pytest.skip(case.reason_to_skip)
    started = perf_counter()
    output = run(case.impl)
    seconds = perf_counter() - started
    if case.impl.compiled:  # The first call has loaded or even compiled code; how long it takes is told by another.
        started = perf_counter()
        run(case.impl)
        seconds = perf_counter() - started
    produced = output_digest(output)
    expected = expected_digest(case, run, produced)
    if produced != expected:
        pytest.fail(f"{case}: output differs from the oracle's ({produced} instead of {expected}); not timed")
    prepared = inputs(case.workload)
    benchmark.group = f"{case.impl.stage} {case.workload.name}"
    benchmark.extra_info.update(
        stage=case.impl.stage,
        impl=case.impl.name,
        idea=case.impl.idea,
        workload=case.workload.name,
        why=case.workload.why,
        corpus=case.workload.corpus,
        corpus_sha256=prepared.sha256,
        output_sha256=produced,
        code_sha256=code_digest(case.impl),
        bytes=prepared.corpus.n_bytes,
        pretokens=int(prepared.pretokens.counts.sum()),
        unique_pretokens=len(prepared.pretokens),
        vocab_size=case.workload.vocab_size,
        workers=WORKERS,
        versions=versions(),
    )
    benchmark.pedantic(target, setup=setup, rounds=rounds_that_fit(seconds))  # type: ignore[no-untyped-call]
