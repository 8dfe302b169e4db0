"""Trainers: unique pretokens with counts to merges."""

from pytest_benchmark.fixture import BenchmarkFixture

from bench.cases import Case, inputs, verify_and_time
from impls.contract import Merges
from impls.registry import Impl


def bench_train(benchmark: BenchmarkFixture, case: Case) -> None:
    """Time one trainer on one workload."""
    prepared = inputs(case.workload)

    def train(impl: Impl) -> Merges:
        merges: Merges = impl.load()(prepared.pretokens, n_merges=prepared.n_merges)
        return merges

    verify_and_time(benchmark, case, train, lambda: ((case.impl,), {}), train)
