"""The reference is made on purpose, from whole runs of the present code, and replaces what is like them alone."""

from __future__ import annotations

import subprocess
from pathlib import Path
from typing import Any

import pytest

from bench.record import KINDS, RECORDS, REFERENCE
from impls.machine import machine_name
from profiles.capture import CAPTURES
from reports.__main__ import main
from reports.commands.build import LATEST, PAGES
from tests.support import ROOT
from tests.support.records import (
    benchmarks_record,
    faults_record,
    peers_record,
    profiles_record,
    step_record,
    studies_record,
    write,
)

NAME, OLD = "0007_x_20260107_000000.json", "0001_x_20250101_000000.json"


def whole() -> dict[str, dict[str, Any]]:
    """Return a record of each kind that may be kept."""
    return {
        "bench": benchmarks_record(),
        "studies": studies_record(),
        "profiles": profiles_record() | {"failures": []},
        "peers": peers_record() | {"measurements": peers_record()["measurements"][:1]},
        "step": step_record(),
        "faults": faults_record(),
    }


@pytest.fixture
def own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return the folder of this machine's own records, with one of each kind."""
    monkeypatch.setattr("bench.record.RECORDS", tmp_path / "own")
    for kind, content in whole().items():
        write(tmp_path / "own" / machine_name() / kind / NAME, content)
    return tmp_path / "own" / machine_name()


def files(folder: Path) -> set[str]:
    return {str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()}


def test_the_newest_records_are_kept_with_the_report_that_is_made_of_them(own: Path, tmp_path: Path) -> None:
    out = tmp_path / "reference"
    (own / "peers" / NAME).unlink()
    for kept in ("bench", "peers"):
        write(out / "records" / machine_name() / kept / OLD, whole()[kept])
    write(out / "records" / "Abacus-1-3cores" / "bench" / OLD, benchmarks_record())
    write(own / "studies" / "0008_x_20260108_000000.json", studies_record() | {"arguments": ["--only", "size"]})
    assert main(["reference", "--out", str(out)]) == 0
    assert files(out) == {
        *PAGES,
        f"records/{machine_name()}/peers/{OLD}",
        f"records/Abacus-1-3cores/bench/{OLD}",
        *(f"records/{machine_name()}/{kind}/{NAME}" for kind in KINDS if kind != "peers"),
    }
    for kind in ("bench", "studies"):
        kept = out / "records" / machine_name() / kind / NAME
        assert kept.read_bytes() == (own / kind / NAME).read_bytes()
    report = (out / "report.md").read_text()
    assert NAME in report
    assert OLD in report
    assert "Missing" not in report
    assert main([str(kept.parents[1] / "bench" / NAME), "--out", str(tmp_path / "again")]) == 0
    assert (tmp_path / "again" / "report.md").read_text() == report
    assert main(["reference", str(kept.parents[1] / "bench" / NAME), "--out", str(out)]) == 0
    assert (out / "report.md").read_text() == report


def stale(content: dict[str, Any]) -> dict[str, Any]:
    return content | {"code": content["code"] | {"train/jit": "0" * 64}}


REFUSED = {
    "filtered": ("bench", lambda content: content | {"unmeasured": 3, "arguments": ["-k", "x"]}, "made with -k x"),
    "corpus": ("bench", lambda content: content | {"arguments": ["--corpus", "file:a.txt"]}, "--corpus file:a.txt"),
    "failed case": ("bench", lambda content: content | {"errors": [{"error": "differs"}]}, "it has errors"),
    "failed peer": ("peers", lambda _: peers_record(), f"peers/{NAME}: it has errors"),
    "failed profile": ("profiles", lambda _: profiles_record(), f"profiles/{NAME}: it has errors"),
    "stale": ("studies", stale, f"studies/{NAME}: stale, the code of train/jit has changed since"),
    "path": ("peers", lambda content: content | {"note": "at '/home/jo doe/x'"}, "it holds a path of a machine"),
    "damaged": ("studies", lambda content: content | {"studies": 3}, f"studies/{NAME}: is damaged"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_a_record_that_nobody_can_repeat_is_refused_in_one_line(
    case: str, own: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    kind, change, reason = REFUSED[case]
    write(own / kind / NAME, change(whole()[kind]))
    assert main(["reference", "--out", str(tmp_path / "reference")]) == 1
    (line,) = capsys.readouterr().err.splitlines()
    assert reason in line
    assert not (tmp_path / "reference").exists()


def test_git_ignores_what_a_run_leaves_and_keeps_the_reference() -> None:
    own = [RECORDS / machine_name() / kind / NAME for kind in (*KINDS, "Linux-CPython-3.11-64bit")]
    left = [*own, *(LATEST / page for page in PAGES), CAPTURES / "x.json"]
    kept = [REFERENCE / machine_name() / "bench" / NAME, *(REFERENCE.parent / page for page in PAGES)]
    done = subprocess.run(
        ["git", "check-ignore", "--no-index", *map(str, [*left, *kept])], cwd=ROOT, capture_output=True, text=True
    )
    if done.returncode == 128:
        pytest.skip(f"no repository: {done.stderr.strip()}")
    assert done.stdout.splitlines() == list(map(str, left))
