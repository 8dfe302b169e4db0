"""The benchmark of counters: from a file to its unique pretokens with counts."""

from pytest_benchmark.fixture import BenchmarkFixture

from bench.cases import Case, verify_and_time
from bench.inputs import count, inputs_of


def bench_count(benchmark: BenchmarkFixture, case: Case) -> None:
    """Time one counter on one workload."""
    text = inputs_of(case.workload).text
    verify_and_time(benchmark, case, lambda impl: count(impl, text), lambda: ((case.impl, text), {}), count)
