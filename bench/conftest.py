"""The hooks of pytest: options, the choice of cases, and records, which go to a folder named after the machine."""

from __future__ import annotations

from typing import Any

import pytest

from bench.cases import cases
from bench.inputs import inputs_of
from bench.record import RECORDS, as_line, cpu_info, marks
from data.workloads import Workload, workloads, workloads_on
from impls import MergelabError
from impls.machine import machine_name

SKIPPED = pytest.StashKey[list[dict[str, str]]]()
ERRORS = pytest.StashKey[list[dict[str, str]]]()


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add --corpus."""
    parser.addoption("--corpus", help="measure on this corpus instead: a name of `python -m data list`, or file:PATH")


def chosen_workloads(config: pytest.Config) -> tuple[Workload, ...]:
    """Return the workloads to measure on."""
    corpus = config.getoption("--corpus")
    return workloads_on(corpus) if corpus else workloads()


def pytest_configure(config: pytest.Config) -> None:
    """Keep every sample, and write the record to the folder of this machine unless the user chose another folder."""
    config.option.benchmark_save_data = True
    config.stash[ERRORS] = []
    try:
        for workload in chosen_workloads(config):
            text = inputs_of(workload).text
            text.text(0, text.n_bytes)
    except MergelabError as error:
        raise pytest.UsageError(str(error)) from None
    if getattr(config.option, "benchmark_storage", None) == "file://./.benchmarks":
        config.option.benchmark_storage = f"file://{RECORDS / machine_name()}"


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Run each benchmark with every implementation of its stage on every chosen workload."""
    if "case" in metafunc.fixturenames:
        stage = metafunc.function.__name__.removeprefix("bench_")
        metafunc.parametrize("case", cases(stage, chosen_workloads(metafunc.config)), ids=str)


def pytest_benchmark_update_json(config: pytest.Config, benchmarks: list[Any], output_json: dict[str, Any]) -> None:
    """Add to the record: its kind, the command line, and each case that was left out or failed, with the reason.

    The key `version` already holds the version of pytest-benchmark, so the version of the record has another key.
    """
    del benchmarks
    output_json.update(marks("bench", [str(word) for word in config.invocation_params.args]))
    output_json["skipped"] = config.stash[SKIPPED]
    output_json["errors"] = config.stash[ERRORS]


def pytest_collection_finish(session: pytest.Session) -> None:
    """Remember which of the chosen cases are skipped."""
    functions = [item for item in session.items if isinstance(item, pytest.Function)]
    chosen: list[Any] = [item.callspec.params["case"] for item in functions]
    session.config.stash[SKIPPED] = [
        {**case.place, "reason": case.reason_to_skip} for case in chosen if case.reason_to_skip
    ]


def pytest_exception_interact(node: pytest.Item, call: pytest.CallInfo[None]) -> None:
    """Keep the error of a case that failed; the report shows it in place of a time."""
    if isinstance(node, pytest.Function) and call.excinfo:
        case: Any = node.callspec.params["case"]
        error = as_line(call.excinfo.value) or call.excinfo.typename
        node.config.stash[ERRORS].append({**case.place, "error": error})


def pytest_benchmark_update_machine_info(config: pytest.Config, machine_info: dict[str, Any]) -> None:
    """Record the facts about the machine that explain a time, without the machine's host name."""
    del config
    machine_info["cpu"] = cpu_info()
    machine_info.pop("node", None)
