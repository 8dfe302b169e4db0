"""Cases of the benchmarks: how a case is verified, how it is timed, and what its record carries.

All implementations must produce the output of the simplest one that takes part in a workload, the oracle. Outputs are
compared on the very call that warms an implementation up: a mismatch fails the case, and no time is ever taken.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from time import perf_counter
from typing import Any

import pytest
from pytest_benchmark.fixture import BenchmarkFixture

from bench.code import code_digest, versions
from bench.inputs import WORKERS, inputs_of, output_digest
from bench.places import without_folder
from data.workloads import Workload
from impls.registry import Impl, implementations

SECONDS_PER_CASE = 1.0
"""Rounds are as many as fit in here, within the bounds below."""

MIN_ROUNDS, MAX_ROUNDS = 3, 25

Setup = Callable[[], tuple[tuple[Any, ...], dict[str, Any]]]


@dataclass(frozen=True)
class Case:
    """One implementation on one workload."""

    impl: Impl
    workload: Workload

    def __repr__(self) -> str:
        """Name the case in test ids and records, where the fields would show the path of a corpus."""
        return f"{self.impl.stage}-{self.impl.name}-{self.workload.name}"

    @property
    def place(self) -> dict[str, str]:
        """How a record names the case: stage, impl, workload."""
        return {"stage": self.impl.stage, "impl": self.impl.name, "workload": self.workload.name}

    @property
    def reason_to_skip(self) -> str | None:
        """Why this pair is not measured, None if it is."""
        return self.workload.skip.get(f"{self.impl.stage}/{self.impl.name}")


def cases(stage: str, workloads: tuple[Workload, ...]) -> list[Case]:
    """Return all pairs of a stage, simplest implementation first."""
    return [Case(impl, workload) for workload in workloads for impl in implementations(stage)]


def rounds_that_fit(seconds: float) -> int:
    """Return the number of rounds of a call that takes so long."""
    return min(max(int(SECONDS_PER_CASE / seconds), MIN_ROUNDS), MAX_ROUNDS)


_expected: dict[tuple[str, str], str] = {}


def expected_digest(case: Case, run: Callable[[Impl], Any], produced: str) -> str:
    """Return the digest that all implementations of the case's stage must produce on its workload.

    `produced` is the digest of the case itself, which may be the oracle.
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
    """Compare the output of `run` with the oracle's, then time `target` on the arguments that `setup` returns.

    Both do the same work; `setup` does the part that is not timed (building a tokenizer).
    """
    if case.reason_to_skip:
        pytest.skip(case.reason_to_skip)
    output, seconds = _timed(run, case.impl)
    if case.impl.compiled:  # The first call has loaded or even compiled code; the second tells how long a call takes.
        _, seconds = _timed(run, case.impl)
    produced = output_digest(output)
    expected = expected_digest(case, run, produced)
    if produced != expected:
        pytest.fail(f"{case}: output differs from the oracle's ({produced} instead of {expected}); not timed")
    benchmark.group = f"{case.impl.stage} {case.workload.name}"
    benchmark.extra_info.update(proof_of(case), output_sha256=produced)
    benchmark.pedantic(target, setup=setup, rounds=rounds_that_fit(seconds))  # type: ignore[no-untyped-call]


def _timed(run: Callable[[Impl], Any], impl: Impl) -> tuple[Any, float]:
    started = perf_counter()
    output = run(impl)
    return output, perf_counter() - started


def proof_of(case: Case) -> dict[str, Any]:
    """Return what the record of a case carries beside its times and the digest of its output."""
    made = inputs_of(case.workload)
    return {
        **case.place,
        "idea": case.impl.idea,
        "why": case.workload.why,
        "corpus": without_folder(case.workload.corpus),
        "corpus_sha256": made.sha256,
        "code_sha256": code_digest(case.impl),
        "bytes": made.text.n_bytes,
        "pretokens": int(made.pretokens.counts.sum()),
        "unique_pretokens": len(made.pretokens),
        "vocab_size": case.workload.vocab_size,
        "workers": WORKERS,
        "versions": versions(),
    }
