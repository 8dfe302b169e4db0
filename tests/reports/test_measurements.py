"""The times from which `impl="auto"` decides: written only from records of this machine and the present code."""

from __future__ import annotations

import json
import statistics
from pathlib import Path

import pytest

from impls import fastest
from impls.machine import machine_name
from impls.registry import STAGES, implementations
from reports.__main__ import main
from tests.support.records import benchmarks_record, studies_record, write, write_all

NAME = "0001_x_20260101_000000.json"


def test_all_sizes_of_all_implementations(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MERGELAB_CACHE", str(tmp_path / "cache"))
    record = write_all(tmp_path / "m")
    assert main(["measurements", str(record)]) == 0
    written = json.loads((tmp_path / "cache" / "measurements.json").read_text())
    assert written["machine"] == machine_name()
    assert written["source"].startswith("0001_")
    assert written["command"] == "nox -s bench"
    for stage in STAGES:
        assert list(written["stages"][stage]) == [row.name for row in implementations(stage)]
    samples = {(p["series"], p["x"]): p["samples"] for p in studies_record()["studies"]["size"]["points"]}
    for n_bytes, seconds in written["stages"]["train"]["incremental"]:
        assert seconds == pytest.approx(statistics.median(samples["train/incremental", n_bytes]))
    assert written["start"]["cached_seconds"] == pytest.approx(0.28)
    assert written["start"]["compile_seconds"] == pytest.approx(9.08)


def test_auto_reads_what_is_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MERGELAB_CACHE", str(tmp_path / "cache"))
    assert main(["measurements", str(write_all(tmp_path / "m"))]) == 0
    fastest.measurements.cache_clear()
    try:
        known = fastest.measurements()
    finally:
        fastest.measurements.cache_clear()
    assert known is not fastest.DEFAULTS
    assert set(known.stages["encode"]) == {row.name for row in implementations("encode")}


def test_another_machine_or_other_code_writes_nothing(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    record = write(tmp_path / "m" / "Linux" / NAME, benchmarks_record())
    target = ["--out", str(tmp_path / "measurements.json")]
    assert main(["measurements", str(record), *target]) == 1
    content, elsewhere = studies_record(), benchmarks_record()
    for made in (content, elsewhere):
        made["machine_info"]["cpu"]["brand_raw"] = "Abacus 1"
    write(tmp_path / "there" / "studies" / NAME, content)
    assert main(["measurements", str(write(tmp_path / "there" / "Linux" / NAME, elsewhere)), *target]) == 1
    content = studies_record()
    for point in content["studies"]["size"]["points"]:
        point["facts"]["code_sha256"] = "0" * 64
    write(tmp_path / "m" / "studies" / NAME, content)
    assert main(["measurements", str(record), *target]) == 1
    first, second, third = capsys.readouterr().err.splitlines()
    assert "no record" in first
    assert f"comes from Abacus-1-{content['machine_info']['cpu']['count']}cores" in second
    assert "stale" in third
    assert not (tmp_path / "measurements.json").exists()


def test_an_implementation_that_changed_is_left_out(tmp_path: Path) -> None:
    record = write_all(tmp_path / "m")
    content = studies_record()
    for point in content["studies"]["size"]["points"]:
        if point["series"] == "train/jit":
            point["facts"]["code_sha256"] = "0" * 64
    write(tmp_path / "m" / "studies" / "0002_x_20260103_000000.json", content)
    assert main(["measurements", str(record), "--out", str(tmp_path / "out.json")]) == 0
    stages = json.loads((tmp_path / "out.json").read_text())["stages"]
    assert "jit" not in stages["train"]
    assert "jit" in stages["encode"]
