"""Cases of the benchmarks: how a case is verified, how it is timed, and what its record carries.

The oracle of a workload is the simplest implementation that takes part in it. All other implementations must produce
the same output. Outputs are compared on the call that warms an implementation up. If the outputs differ, the case
fails and is not timed.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from time import perf_counter
from typing import Any

import pytest
from pytest_benchmark.fixture import BenchmarkFixture

from bench.code import code_digest, name_of, versions
from bench.inputs import WORKERS, inputs_of, output_digest
from bench.places import without_folder
from data.workloads import Workload
from impls.registry import Impl, implementations

SECONDS_PER_CASE = 1.0
"""Seconds that the rounds of a case may take together. The bounds below limit the number of rounds."""

MIN_ROUNDS, MAX_ROUNDS = 3, 25

Setup = Callable[[], tuple[tuple[Any, ...], dict[str, Any]]]


@dataclass(frozen=True)
class Case:
    """One implementation on one workload."""

    impl: Impl
    workload: Workload

    def __repr__(self) -> str:
        """Name the case for test ids and records; the path of a corpus is left out."""
        return f"{self.impl.stage}-{self.impl.name}-{self.workload.name}"

    @property
    def place(self) -> dict[str, str]:
        """The names of the case in a record: stage, impl, workload."""
        return {"stage": self.impl.stage, "impl": self.impl.name, "workload": self.workload.name}

    @property
    def reason_to_skip(self) -> str | None:
        """Why this case is not measured; None if it is measured."""
        return self.workload.skip.get(name_of(self.impl))


def cases(stage: str, workloads: tuple[Workload, ...]) -> list[Case]:
    """Return a case for each implementation of a stage on each workload, simplest implementation first."""
    return [Case(impl, workload) for workload in workloads for impl in implementations(stage)]


def rounds_that_fit(seconds: float) -> int:
    """Return how many rounds to time if one call takes `seconds`."""
    return min(max(int(SECONDS_PER_CASE / seconds), MIN_ROUNDS), MAX_ROUNDS)


_expected: dict[tuple[str, str], str] = {}


def expected_digest(case: Case, run: Callable[[Impl], Any], produced: str) -> str:
    """Return the digest of the output that every implementation of this stage must produce on this workload.

    `produced`: the digest of the output of this case; it is returned if this case is the oracle.
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
    """Compare the output of `run` with the oracle's output, then time `target` on the arguments that `setup` returns.

    `run` and `target` do the same work. `setup` does the part that is not timed, such as building a tokenizer.
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
    """Return the fields that a case has in a record, apart from its times and the digest of its output."""
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
