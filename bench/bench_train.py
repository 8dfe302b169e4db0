"""The benchmark of trainers: from unique pretokens with counts to merges."""

from pytest_benchmark.fixture import BenchmarkFixture

from bench.cases import Case, verify_and_time
from bench.inputs import inputs_of
from impls.contract import Merges
from impls.registry import Impl


def bench_train(benchmark: BenchmarkFixture, case: Case) -> None:
    """Time one trainer on one workload."""
    made = inputs_of(case.workload)
    pretokens, n_merges = made.pretokens, made.n_merges

    def train(impl: Impl) -> Merges:
        merges: Merges = impl.load()(pretokens, n_merges=n_merges)
        return merges

    verify_and_time(benchmark, case, train, lambda: ((case.impl,), {}), train)
