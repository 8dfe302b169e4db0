"""The hooks of pytest: options, the choice of cases, and records, which go to a folder named after the machine."""

from __future__ import annotations

from typing import Any

import pytest

from bench.cases import cases
from bench.inputs import inputs_of
from bench.places import as_line, portable
from bench.record import RECORDS, cpu_info, marks, why_filtered
from data.workloads import Workload, workloads, workloads_on
from impls import MergelabError
from impls.machine import machine_name
from impls.registry import STAGES

COLUMNS = ["median", "iqr", "rounds"]
"""The columns of the table that pytest-benchmark prints."""

SKIPPED = pytest.StashKey[list[dict[str, str]]]()
ERRORS = pytest.StashKey[list[dict[str, str]]]()
FILTERED = pytest.StashKey[str]()


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
    config.option.benchmark_columns = config.option.benchmark_columns or COLUMNS
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

    Paths of this machine lose their folders.

    The key `version` already holds the version of pytest-benchmark, so the version of the record has another key.
    """
    del benchmarks
    output_json.update(marks("bench", [str(word) for word in config.invocation_params.args]))
    output_json["skipped"] = config.stash[SKIPPED]
    output_json["errors"] = config.stash[ERRORS]
    output_json["unmeasured"] = len(unmeasured(output_json))
    output_json.update(portable(output_json))
    config.stash[FILTERED] = why_filtered(output_json)


def unmeasured(content: dict[str, Any]) -> set[tuple[str, ...]]:
    """Return the cases of a whole run for which a record has no time, no reason to skip and no error."""
    every = {tuple(case.place.values()) for stage in STAGES for case in cases(stage, workloads())}
    rows = [*(row["extra_info"] for row in content["benchmarks"]), *content["skipped"], *content["errors"]]
    return every - {(row["stage"], row["impl"], row["workload"]) for row in rows}


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


@pytest.hookimpl(trylast=True)  # Printed below the table.
def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    """Say that a record lacks cases: no report is made from it."""
    if reason := config.stash.get(FILTERED, ""):
        terminalreporter.write_line(f"the record is {reason}; a report needs a whole run: nox -s bench")
