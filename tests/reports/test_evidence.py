"""The records of a report: the newest is taken; missing, damaged, stale and strange ones are named."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from bench.record import REFERENCE, VERSION
from impls.machine import machine_name
from reports.__main__ import main
from reports.errors import ReportError
from reports.evidence import load_evidence, newest_record
from reports.sections import report
from tests.reports.page import text_of
from tests.support import ROOT
from tests.support.records import (
    benchmarks_record,
    peers_record,
    profiles_record,
    studies,
    studies_record,
    write,
    write_all,
)

N_CORES = len(os.sched_getaffinity(0))


def test_what_is_missing_says_why(tmp_path: Path) -> None:
    record = write(tmp_path / "m" / "Linux" / "0001_x_20260101_000000.json", benchmarks_record())
    assert main([str(record), "--out", str(tmp_path)]) == 0
    text = text_of(tmp_path)
    assert "Missing: no record; `python -m bench studies` makes one" in text
    assert "Missing: no record; `nox -s profile` makes one" in text
    assert "Missing: no record; `nox -s peers` makes one" in text
    assert "## The training step\n\nMissing: no record; `nox -s step` makes one" in text
    assert "## What kills and full disks did\n\nMissing: no record; `python -m bench fuzz --faults 100`" in text


def test_a_corrupt_record_is_one_line_and_the_rest_goes_on(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    record = write_all(tmp_path / "m")
    (tmp_path / "m" / "studies" / "0002_x_20260102_000000.json").write_text("{")
    (tmp_path / "m" / "peers" / "0002_x_20260102_000000.json").write_text('{"kind": "peers"}')
    profiles = profiles_record()
    del profiles["digests"][0]["seconds_plain"]
    write(tmp_path / "m" / "profiles" / "0002_x_20260102_000000.json", profiles)
    assert main([str(record), "--out", str(tmp_path)]) == 1
    errors = capsys.readouterr().err.splitlines()
    assert len(errors) == 3
    assert all("0002_x" in line for line in errors)
    text = text_of(tmp_path)
    assert "lacks a field (KeyError('seconds_plain'))" in text
    assert "## Growth with the corpus" in text


BROKEN = [[], {"size": {}}, {"size": {**studies()["size"], "points": [{"series": "s"}]}}, {"size": 3}]


@pytest.mark.parametrize("damage", BROKEN, ids=["a list", "no fields", "a point without samples", "a number"])
def test_a_damaged_record_gives_way_to_the_one_before(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], damage: object
) -> None:
    record = write_all(tmp_path / "m")
    write(tmp_path / "m" / "studies" / "0002_x_20260103_000000.json", {**studies_record(), "studies": damage})
    assert main([str(record), "--out", str(tmp_path)]) == 1
    (problem,) = capsys.readouterr().err.splitlines()
    assert "studies/0002_x_20260103_000000.json: is damaged" in problem
    text = text_of(tmp_path)
    assert f"- Problem: {problem.removeprefix('python -m reports: error: ')}\n" in text.split("\n## ")[1]
    assert str(tmp_path) not in text
    assert "## Small calls" in text
    assert "Missing" not in text


@pytest.mark.parametrize("sample", [0, -1.0, "1", None, True])
def test_a_sample_that_is_no_time_damages_its_record(
    sample: object, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    content = benchmarks_record()
    content["benchmarks"][3]["stats"]["data"][2] = sample
    record = write(tmp_path / "m" / "Linux" / "0001_x_20260101_000000.json", content)
    assert main([str(record), "--out", str(tmp_path)]) == 1
    (line,) = capsys.readouterr().err.splitlines()
    assert "a sample is not a number above zero" in line


def test_a_study_without_a_field_leaves_the_first_screen_as_it_is(tmp_path: Path) -> None:
    record, content = write_all(tmp_path / "m"), studies_record()
    for row in content["studies"]["start"]["points"]:
        del row["facts"]["first_call_seconds"]
    write(tmp_path / "m" / "studies" / "0002_x_20260102_000000.json", content)
    assert main([str(record), "--out", str(tmp_path)]) == 0
    summary = text_of(tmp_path).split("\n## ")[1]
    assert "Missing: the record of studies lacks a field" in summary
    assert "| train | `jit` " in summary


@pytest.mark.parametrize("version", [VERSION - 1, VERSION + 1])
def test_a_record_of_another_version_is_refused_by_name(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], version: int
) -> None:
    record = write_all(tmp_path / "m")
    old = tmp_path / "m" / "studies" / "0001_old_20251231_000000.json"
    write(old, {**studies_record(), "record_version": version})
    for path in (tmp_path / "m" / "studies").glob("*_2026*.json"):
        path.unlink()
    assert main([str(record), "--out", str(tmp_path)]) == 1
    (problem,) = capsys.readouterr().err.splitlines()
    summary, *_ = text_of(tmp_path).split("\n## ")[1:]
    for told in (problem, summary):
        assert f"studies/{old.name}: " in told
        assert f"version {version}" in told
    assert "Missing: no record that can be used; `python -m bench studies`" in text_of(tmp_path)


def test_benchmarks_of_the_first_version_are_read(tmp_path: Path) -> None:
    content = benchmarks_record()
    del content["record_version"]
    record = write(tmp_path / "m" / "Linux" / "0001_x_20260101_000000.json", content)
    assert main([str(record), "--out", str(tmp_path)]) == 0


def test_a_report_of_another_machine_is_made_and_says_so(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    content = benchmarks_record()
    content["machine_info"]["cpu"] |= {"brand_raw": "Abacus 1", "count": 3}
    record = write(tmp_path / "m" / "Linux" / "0001_x_20260101_000000.json", content)
    assert main([str(record), "--out", str(tmp_path)]) == 0
    out, err = capsys.readouterr()
    assert f"{record.name} comes from Abacus-1-3cores, this is {machine_name()}; `nox -s bench`" in out
    assert not err
    assert "Abacus 1, 3 cores" in text_of(tmp_path)


def test_a_record_of_another_machine_is_one_line_and_never_mixed_in(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    record = write_all(tmp_path / "m")
    strange = studies_record()
    strange["machine_info"]["cpu"]["brand_raw"] = "Abacus 1"
    write(tmp_path / "m" / "studies" / "0002_x_20260102_000000.json", strange)
    assert main([str(record), "--out", str(tmp_path)]) == 1
    (problem,) = capsys.readouterr().err.splitlines()
    assert f"0002_x_20260102_000000.json: comes from another machine (Abacus-1-{N_CORES}cores instead of" in problem
    assert "Missing" not in text_of(tmp_path)


def test_without_a_record_every_command_is_one_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("bench.record.RECORDS", tmp_path)
    for words in ([], ["build"], ["compare"], ["measurements"], ["reference"]):
        assert main(words) == 1
        (line,) = capsys.readouterr().err.splitlines()
        told, command = line.removesuffix("`").split(", or see the reference with `python -m reports ")
        assert told.endswith("no record of this machine yet; run `nox -s bench`")
        assert (ROOT / command).is_relative_to(REFERENCE)
    assert main([str(ROOT / command), "--out", str(tmp_path / "out")]) == 0
    capsys.readouterr()
    monkeypatch.setattr("bench.record.REFERENCE", tmp_path)
    assert main(["build"]) == 1
    assert capsys.readouterr().err.endswith("no record of this machine yet; run `nox -s bench`\n")


PARTS = [
    ({"arguments": ["bench", "-k", "train"], "unmeasured": 7}, "filtered, made with -k train"),
    ({"errors": [{"stage": "train", "impl": "jit", "workload": "w", "error": "differs"}]}, "it has errors"),
    ({"record_version": VERSION + 1}, f"has version {VERSION + 1}"),
    ({"machine_info": {}}, "is damaged"),
]


@pytest.mark.parametrize(("changes", "reason"), PARTS, ids=["filtered", "broken", "newer", "damaged"])
def test_what_is_no_whole_run_is_passed_over_in_one_line(
    changes: dict[str, object],
    reason: str,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("bench.record.RECORDS", tmp_path)
    bad = benchmarks_record() | changes
    later = write(tmp_path / machine_name() / "Linux" / "0002_x_20260102_000000.json", bad)
    assert main(["--out", str(tmp_path / "out")]) == 1
    (line,) = capsys.readouterr().err.splitlines()
    assert f"no record of a whole run here ({later.name}: {reason}" in line
    assert not (tmp_path / "out").exists()
    whole = write_all(tmp_path / machine_name())
    write(later, bad)
    assert main(["--out", str(tmp_path / "out")]) == 0
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith(f"python -m reports: note: passed over: {later.name}: {reason}")
    assert str(tmp_path) not in line
    text = text_of(tmp_path / "out")
    assert whole.name in text
    assert later.name not in text


def test_filtered_studies_are_passed_over_too(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("bench.record.RECORDS", tmp_path)
    whole = write_all(tmp_path / machine_name())
    few = {**studies_record(), "studies": {"calls": studies()["calls"]}, "arguments": ["studies", "--only", "calls"]}
    write(tmp_path / machine_name() / "studies" / "0002_x_20260105_000000.json", few)
    line = "passed over: studies/0002_x_20260105_000000.json: filtered, made with studies --only calls\n"
    assert main(["--out", str(tmp_path / "out")]) == 0
    assert line in capsys.readouterr().out
    assert "## Growth with the corpus" in text_of(tmp_path / "out")
    assert main(["measurements", "--out", str(tmp_path / "measurements.json")]) == 0
    assert capsys.readouterr().err.endswith(line)
    assert json.loads((tmp_path / "measurements.json").read_text())["source"] == whole.name


def test_stale_code_is_said(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    content = benchmarks_record()
    for case in content["benchmarks"]:
        if case["extra_info"]["impl"] == "weighted":
            case["extra_info"]["code_sha256"] = "0" * 64
    record = write(tmp_path / "m" / "Linux" / "0001_x_20260101_000000.json", content)
    assert load_evidence(record).stale() == {"bench": ["train/weighted"]}
    summary = report(load_evidence(record)).front
    assert "before the code of train/weighted changed" in str(summary)
    assert main([str(record), "--out", str(tmp_path)]) == 0
    assert "before the code of train/weighted changed" in capsys.readouterr().out


def test_the_newest_record_is_taken(tmp_path: Path) -> None:
    with pytest.raises(ReportError, match="run `nox -s bench`"):
        newest_record(tmp_path / "here")
    other = write(tmp_path / "there" / "Linux" / "0009_x_20260109_000000.json", benchmarks_record())
    new = write(tmp_path / "here" / "Linux" / "0002_x_20260102_000000.json", benchmarks_record())
    write(tmp_path / "here" / "Linux" / "0003_x_20260101_000000.json", benchmarks_record())
    write(tmp_path / "here" / "peers" / "0001_x_20260105_000000.json", peers_record())
    write(tmp_path / "here" / "studies" / "0001_x_20260105_000000.json", studies_record())
    assert newest_record(tmp_path / "here") == (new, [])
    assert newest_record(tmp_path) == (other, [])


def test_committed_records_have_their_form() -> None:
    for path in REFERENCE.rglob("*.json"):
        assert json.loads(path.read_text())["machine_info"]["cpu"]["count"] > 0
