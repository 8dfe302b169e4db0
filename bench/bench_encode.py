"""Encoders: text to ids with a new tokenizer in a warm process; building the tokenizer is not timed."""

from typing import Any

from pytest_benchmark.fixture import BenchmarkFixture

from bench.cases import Case, inputs, verify_and_time
from impls import Tokenizer
from impls.contract import Ids
from impls.registry import Impl


def bench_encode(benchmark: BenchmarkFixture, case: Case) -> None:
    """Time one encoder on one workload."""
    prepared = inputs(case.workload)

    def encode(impl: Impl) -> Ids:
        return prepared.tokenizer(impl.name).encode_to_array(prepared.content)

    def new_tokenizer() -> tuple[tuple[Any, ...], dict[str, Any]]:
        return (prepared.tokenizer(case.impl.name), prepared.content), {}

    verify_and_time(benchmark, case, encode, new_tokenizer, Tokenizer.encode_to_array)
