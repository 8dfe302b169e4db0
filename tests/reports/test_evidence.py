"""The records of a report: the newest is taken; missing, damaged, stale and strange ones are named."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from bench.record import VERSION
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
    assert "studies/0002_x_20260103_000000.json: damaged" in problem
    text = text_of(tmp_path)
    assert f"- Problem: {problem.removeprefix('python -m reports: error: ')}\n" in text.split("\n## ")[1]
    assert str(tmp_path) not in text
    assert "## Small calls" in text
    assert "Missing" not in text


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
    for words in ([], ["build"], ["compare"], ["measurements"], ["tour"]):
        assert main(words) == 1
        (line,) = capsys.readouterr().err.splitlines()
        assert line.endswith("no records yet; run `nox -s bench` first")


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


def test_the_newest_record_of_this_machine_is_taken(tmp_path: Path) -> None:
    with pytest.raises(ReportError, match="run `nox -s bench` first"):
        newest_record(tmp_path, "here")
    other = write(tmp_path / "there" / "Linux" / "0009_x_20260109_000000.json", benchmarks_record())
    assert newest_record(tmp_path, "here") == other
    new = write(tmp_path / "here" / "Linux" / "0002_x_20260102_000000.json", benchmarks_record())
    write(tmp_path / "here" / "Linux" / "0003_x_20260101_000000.json", benchmarks_record())
    write(tmp_path / "here" / "peers" / "0001_x_20260105_000000.json", peers_record())
    write(tmp_path / "here" / "studies" / "0001_x_20260105_000000.json", studies_record())
    assert newest_record(tmp_path, "here") == new


def test_committed_records_have_their_form() -> None:
    for path in (ROOT / "bench" / "records").rglob("*.json"):
        assert json.loads(path.read_text())["machine_info"]["cpu"]["count"] > 0
