"""The benchmarks never time a wrong output, and their record carries its proof."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest
import pytest_benchmark

from bench.record import VERSION, read, why_partial
from data import DataError
from data.workloads import workloads, workloads_on
from impls.registry import STAGES, implementations
from tests.bench.conftest import Run
from tests.support import ROOT


@pytest.mark.slow
def test_a_wrong_implementation_is_an_error_and_never_a_time(run: Run) -> None:
    done, path = run
    assert done.returncode == 1
    assert "output differs from the oracle's" in done.stdout
    timed = {
        (case["extra_info"]["stage"], case["extra_info"]["impl"])
        for case in json.loads(path.read_text())["benchmarks"]
    }
    everything = {(row.stage, row.name) for stage in STAGES for row in implementations(stage)}
    assert timed == everything - {("train", "weighted")}


@pytest.mark.slow
def test_a_record_carries_its_proof(run: Run) -> None:
    content = read(run[1], "bench")
    assert (content["record_version"], content["version"]) == (VERSION, pytest_benchmark.__version__)
    for case in content["benchmarks"]:
        info = case["extra_info"]
        for name in ("corpus_sha256", "output_sha256", "code_sha256"):
            assert re.fullmatch("[0-9a-f]{64}", info[name])
        assert info["bytes"] > 0 < info["unique_pretokens"] <= info["pretokens"]
        assert len(case["stats"]["data"]) == case["stats"]["rounds"] >= 3
    for stage in STAGES:
        assert (
            len(
                {c["extra_info"]["output_sha256"] for c in content["benchmarks"] if c["extra_info"]["stage"] == stage}
            )
            == 1
        )
    assert not any(name.startswith("hz") for name in content["machine_info"]["cpu"])


@pytest.mark.slow
def test_a_record_says_nothing_about_the_folders_of_the_machine(run: Run) -> None:
    folder, content = run[1].parent.parent.parent, read(run[1], "bench")
    assert str(folder) not in run[1].read_text()
    assert {case["extra_info"]["corpus"] for case in content["benchmarks"]} == {"file:small.txt"}
    assert content["arguments"][-3:] == ["--corpus", "file:small.txt", "--benchmark-storage=file://records"]


@pytest.mark.slow
def test_a_filtered_run_prints_a_table_and_its_record_says_what_it_is(run: Run) -> None:
    done, path = run
    content = read(path, "bench")
    n_all = len(workloads()) * sum(len(implementations(stage)) for stage in STAGES)
    assert content["unmeasured"] == n_all
    assert why_partial(content).startswith("filtered, made with -q")
    assert re.search(r"benchmark 'encode small-\d+': \d+ tests", done.stdout)
    assert re.search(r"Name \(time in \w+\) +Median +IQR +Rounds *\n", done.stdout)
    assert "the record is filtered, made with -q" in done.stdout
    assert done.stdout.count("a report needs a whole run: nox -s bench") == 1


@pytest.mark.slow
@pytest.mark.parametrize("option", ["--benchmark-compare", "--benchmark-compare=0001"])
def test_a_run_is_compared_with_a_stored_one(run: Run, option: str) -> None:
    storage = run[1].parent.parent
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "bench", "-q", "-k", "count-jit", option,
         "--corpus", f"file:{storage.parent / 'small.txt'}", f"--benchmark-storage=file://{storage}"],
        cwd=ROOT, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0
    assert re.search(r"bench_count\[count-jit-small-\d+\] \(NOW\)", done.stdout)
    assert re.search(r"bench_count\[count-jit-small-\d+\] \(0001_", done.stdout)


def test_workloads_move_to_another_corpus(tmp_path: Path) -> None:
    (tmp_path / "text.txt").write_text("x" * 1000)
    assert [row.bytes for row in workloads_on(f"file:{tmp_path / 'text.txt'}")] == [1000]
    assert [row.name for row in workloads_on("stdlib")] == ["stdlib-100KB", "stdlib-5MB"]
    with pytest.raises(DataError, match="nothing"):
        workloads_on("file:nothing.txt")


def test_workloads_skip_only_what_exists_and_say_why() -> None:
    names = {f"{stage}/{row.name}" for stage in STAGES for row in implementations(stage)}
    for workload in workloads():
        assert workload.skip.keys() <= names
        assert all(workload.skip.values())
        assert workload.expected.keys() <= set(STAGES)
