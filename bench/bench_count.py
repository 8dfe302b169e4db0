"""Counters: file to unique pretokens with counts."""

from pytest_benchmark.fixture import BenchmarkFixture

from bench.cases import Case, count, inputs, verify_and_time


def bench_count(benchmark: BenchmarkFixture, case: Case) -> None:
    """Time one counter on one workload."""
    corpus = inputs(case.workload).corpus
    verify_and_time(benchmark, case, lambda impl: count(impl, corpus), lambda: ((case.impl, corpus), {}), count)
