"""Records have a head with a version, are never overwritten, and say nothing about the folders of a machine."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

from bench import record
from bench.code import code_digests
from bench.commands import PROGRAM
from bench.record import KINDS, REFERENCE, VERSION, RecordError, head, paths, read, when, write
from impls.machine import machine_name
from tests.support import ROOT

NAMES = list(KINDS)


def made(kind: str) -> dict[str, Any]:
    return {
        **head(kind, ["--corpus", "file:/a/b.txt"]),
        **{name: {} if name == "studies" else [] for name in KINDS[kind].fields},
    }


@pytest.mark.parametrize("kind", NAMES)
def test_what_is_written_is_read(kind: str, tmp_path: Path) -> None:
    content = made(kind)
    path = write(content, tmp_path)
    assert read(path, kind) == content
    assert (content["kind"], content["record_version"]) == (kind, VERSION)
    assert content["code"] == code_digests()
    assert record.machine_of(content["machine_info"]) == machine_name()
    assert content["arguments"] == ["--corpus", "file:b.txt"]
    program = " ".join(KINDS[kind].program)
    assert KINDS[kind].reproduce(content) == f"{program} --corpus file:b.txt"


def test_records_are_never_overwritten(tmp_path: Path) -> None:
    content = {"datetime": "2026-01-02T03:04:05+00:00", "commit_info": {"id": "abc"}}
    first, second = (write(content, tmp_path) for _ in range(2))
    assert (first.name, second.name) == ("0001_abc_20260102_030405.json", "0002_abc_20260102_030405.json")
    assert len(list(tmp_path.iterdir())) == 2


def test_a_record_goes_to_the_folder_of_its_machine_and_kind(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(record, "RECORDS", tmp_path)
    assert write(made("studies")).parent == tmp_path / machine_name() / "studies"


def changed(folder: Path, of_kind: str, **changes: Any) -> Path:
    """Write a record with other values; without those that are None."""
    content = {name: value for name, value in {**made(of_kind), **changes}.items() if value is not None}
    path = folder / "0001_x.json"
    path.write_text(json.dumps(content))
    return path


@pytest.mark.parametrize("kind", NAMES)
def test_a_newer_version_is_refused_by_name(kind: str, tmp_path: Path) -> None:
    path = changed(tmp_path, kind, record_version=VERSION + 1)
    with pytest.raises(
        RecordError, match=rf"0001_x\.json: has version {VERSION + 1}, but only versions up to {VERSION} are"
    ):
        read(path, kind)


@pytest.mark.parametrize("kind", NAMES)
@pytest.mark.parametrize("version", [None, 1])
def test_an_older_version_is_read_or_refused_by_name(kind: str, version: int | None, tmp_path: Path) -> None:
    path = changed(tmp_path, kind, record_version=version, kind=KINDS[kind].names[-1])
    if kind == "bench":
        assert read(path, kind)["benchmarks"] == []
        return
    command = re.escape(KINDS[kind].command)
    message = (
        rf"0001_x\.json: has version 1, but records of kind {kind} are read from version 2 on; .* with `{command}`"
    )
    with pytest.raises(RecordError, match=message):
        read(path, kind)


def test_the_version_of_pytest_benchmark_is_another_one(tmp_path: Path) -> None:
    assert read(changed(tmp_path, "bench", version="99.3.1"), "bench")["version"] == "99.3.1"


@pytest.mark.parametrize("version", ["2", 2.5, [], {}])
def test_a_version_that_is_no_number_is_damage(version: object, tmp_path: Path) -> None:
    with pytest.raises(RecordError, match="is damaged: record_version is"):
        read(changed(tmp_path, "studies", record_version=version), "studies")


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        (
            {"kind": "peers"},
            "is not a record of kind studies; delete this record, or make a new one with `python -m bench studies`",
        ),
        ({"kind": ["studies"]}, "is not a record of kind studies"),
        ({"studies": None}, "the field 'studies' is missing"),
        ({"machine_info": None}, "the field 'machine_info' is missing"),
        ({"machine_info": {}}, "is damaged: KeyError"),
        ({"machine_info": []}, "is damaged: TypeError"),
        ({"datetime": "yesterday"}, "is damaged: ValueError"),
        ({"code": 7}, "is damaged: TypeError"),
        ({"commit_info": {"id": "\ud800"}}, "surrogates not allowed"),
    ],
)
def test_a_damaged_record_is_one_line(changes: dict[str, Any], message: str, tmp_path: Path) -> None:
    path = changed(tmp_path, "studies", **changes)
    with pytest.raises(RecordError, match=re.escape(message)) as error:
        read(path, "studies")
    assert str(error.value).startswith(str(path))
    assert "\n" not in str(error.value)


@pytest.mark.parametrize("text", ["", "{", "[]", "7", "\xff", "[" * 100_000])
def test_a_file_that_is_no_record_is_one_line(text: str, tmp_path: Path) -> None:
    path = tmp_path / "0001_x.json"
    path.write_bytes(text.encode("latin-1"))
    with pytest.raises(RecordError, match=r"0001_x\.json: (not JSON|is not a record)"):
        read(path, "bench")
    with pytest.raises(RecordError, match="No such file"):
        read(tmp_path / "missing.json", "bench")


def test_records_are_found_by_kind_in_order_of_time(tmp_path: Path) -> None:
    for name in (
        "here/Linux/0002_a_20260101_000000.json",
        "here/Linux/0001_b_20260102_000000_uncommitted-changes.json",
        "here/0001_c_20250101_000000.json",
        "here/sweeps/0001_d_20250101_000000.json",
        "here/studies/0001_e_20260101_000000.json",
        "there/studies/0001_f_20250601_000000.json",
        "here/lm/0001_g_20260101_000000.json",
        "here/peers/0001_h_20260101_000000.json",
        "here/peers/.0002_i.json.7.tmp",
    ):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text("{}")
    found = {kind: [path.name.split("_")[1] for path in paths(tmp_path, kind)] for kind in KINDS}
    assert found == {
        "bench": ["c", "a", "b"],
        "studies": ["d", "f", "e"],
        "profiles": [],
        "peers": ["h"],
        "step": ["g"],
        "faults": [],
    }
    assert when(Path("0001_x.json")) < when(Path("0001_x_20200101_000000.json"))


GIVEN = ["bench", "--quiet", "--benchmark-quiet", "--benchmark-autosave"]
FAILED = [{"error": "outputs differ"}]


@pytest.mark.parametrize(
    ("kind", "changes", "reason"),
    [
        ("bench", {"arguments": GIVEN}, ""),
        ("bench", {"arguments": [*GIVEN, "--benchmark-storage=file://x", "--durations=3"], "unmeasured": 0}, ""),
        ("bench", {"arguments": [*GIVEN, "-k", "train"], "unmeasured": 9}, "filtered, made with -k train"),
        ("bench", {"arguments": [*GIVEN, "-k", "train"]}, "filtered, made with -k train"),
        ("bench", {"arguments": [*GIVEN, "--benchmark-storage=file://x"]}, ""),
        ("bench", {"arguments": GIVEN, "unmeasured": 9}, "filtered, ended early"),
        ("bench", {"arguments": GIVEN, "errors": FAILED}, "it has errors"),
        ("studies", {"arguments": ["studies", "--long"], "studies": {"size": {"errors": []}}}, ""),
        (
            "studies",
            {"arguments": ["studies", "--only", "size"], "studies": {}},
            "filtered, made with studies --only size",
        ),
        ("studies", {"arguments": ["studies"], "studies": {"size": {"errors": FAILED}}}, "it has errors"),
        ("peers", {"arguments": ["peers", "--only=P.1"]}, "filtered, made with peers --only=P.1"),
        ("peers", {"arguments": ["peers"], "measurements": FAILED}, "it has errors"),
        ("profiles", {"arguments": ["suite"], "failures": FAILED}, "it has errors"),
        ("faults", {"arguments": ["fuzz"], "faults": [{"violations": ["half a file"]}]}, "it has errors"),
        ("faults", {"arguments": ["fuzz"], "faults": [{"violations": []}]}, ""),
    ],
)
def test_a_filtered_or_broken_run_is_known_by_its_record(kind: str, changes: dict[str, Any], reason: str) -> None:
    assert record.why_partial({"kind": kind, **changes}) == reason


def test_committed_records_are_read_or_refused_by_name() -> None:
    for kind in KINDS:
        for path in paths(REFERENCE, kind):
            content = json.loads(path.read_text())
            if content.get("record_version", 1) >= KINDS[kind].oldest:
                assert read(path, kind) == content
            else:
                with pytest.raises(RecordError, match="has version 1"):
                    read(path, kind)


def test_every_command_of_the_table_is_one_that_there_is() -> None:
    sessions = (ROOT / "noxfile.py").read_text()
    for row in KINDS.values():
        if row.command.startswith("nox -s "):
            assert f"def {row.command.removeprefix('nox -s ')}(" in sessions
        else:
            assert row.command.split()[:3] == ["python", "-m", "bench"]
            assert row.command.split()[3] in PROGRAM.commands
