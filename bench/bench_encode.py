"""The benchmark of encoders: from a text to ids, in a warm process. Each round has a new tokenizer, built untimed."""

from typing import Any

from pytest_benchmark.fixture import BenchmarkFixture

from bench.cases import Case, verify_and_time
from bench.inputs import inputs_of
from impls import Tokenizer
from impls.contract import Ids
from impls.registry import Impl


def bench_encode(benchmark: BenchmarkFixture, case: Case) -> None:
    """Time one encoder on one workload."""
    made = inputs_of(case.workload)
    definition, content = made.definition, made.content

    def encode(impl: Impl) -> Ids:
        return Tokenizer.from_definition(definition, impl=impl.name).encode_to_array(content)

    def new_tokenizer() -> tuple[tuple[Any, ...], dict[str, Any]]:
        return (Tokenizer.from_definition(definition, impl=case.impl.name), content), {}

    verify_and_time(benchmark, case, encode, new_tokenizer, Tokenizer.encode_to_array)
