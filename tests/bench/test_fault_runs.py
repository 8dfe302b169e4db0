"""Faults under work: promises that are broken on purpose are found, and kept promises are not complained about."""

from __future__ import annotations

import random
from pathlib import Path

import pytest

from bench import faults
from bench.child import order
from bench.faults import disk, kill, lost, work
from bench.faults.tally import Tally
from bench.faults.tree import faults_at_the_end, faults_midway, files_below, leftovers
from bench.faults.work import Ground, Work, environment_for, undisturbed
from bench.faults.works import TEXT, TOKENIZER, make_base, make_tokenizers
from bench.record import read
from impls.errors import MergelabError

pytestmark = pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="finds processes in /proc")

GOOD = """
import sys, time
from impls.errors import MergelabError
from impls.storage import atomic_writer
try:
    for number in range(4):
        with atomic_writer(f"out/{number}.txt") as file:
            file.write(b"line " * 2000)
            time.sleep(0.05)
except MergelabError as error:
    sys.exit(f"program: error: {error}")
"""

IN_PLACE = """
import time
with open("out/new.txt", "w", buffering=1) as file:
    for number in range(20):
        file.write(f"line {number}\\n" * 50)
        time.sleep(0.02)
"""

ADDS = """
import time
for number in range(6):
    with open("out/log.jsonl", "a") as file:
        file.write("{}\\n")
    time.sleep(0.05)
"""

LEAVES_A_CHILD = """
import subprocess, sys, time
open("out/begun.csv", "w").write("line\\n")
child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(30)"])
time.sleep(0.4)
child.kill()
child.wait()
"""


def ground(folder: Path, program: str) -> Ground:
    (folder / "base" / "out").mkdir(parents=True)
    (folder / "base" / "notes.txt").write_text("mine")
    (folder / "base" / "out" / "0.txt").write_text("old")
    row = Work("program", ("-c", program))
    return undisturbed(row, folder / "base", folder / "whole", environment_for())


def disturbed(folder: Path, program: str, once, runs: int = 6) -> Tally:
    begun, draw, tally = ground(folder, program), random.Random(1), Tally("fault", "program")
    for number in range(runs):
        once(begun, folder / str(number), draw, tally)
        assert not (folder / str(number)).exists()
    assert tally.runs == runs == tally.before + tally.during + tally.after
    return tally


@pytest.mark.slow
@pytest.mark.parametrize("once", [kill.kill_once, disk.fill_once, lost.lose_once])
def test_work_that_keeps_its_promises_is_not_complained_about(once, tmp_path: Path) -> None:
    tally = disturbed(tmp_path, GOOD, once)
    assert tally.violations == []
    assert tally.resumed == (0 if once is lost.lose_once else 6)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("program", "complaint"),
    [
        (IN_PLACE, "out/new.txt has its final name but is half written"),
        (ADDS, "out/log.jsonl differs from undisturbed work"),
        (LEAVES_A_CHILD, "lives on"),
    ],
)
def test_a_kill_finds(program: str, complaint: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(work, "PATIENCE", 0.2)
    tally = disturbed(tmp_path, program, kill.kill_once, 8)
    assert any(line.endswith(complaint) for line in tally.violations), tally.violations


@pytest.mark.slow
def test_a_full_disk_finds_a_traceback_and_half_a_file(tmp_path: Path) -> None:
    told = disturbed(tmp_path, IN_PLACE, disk.fill_once).violations
    assert any("ended with a traceback: OSError" in line for line in told)
    assert any(line.endswith("out/new.txt has its final name but is half written") for line in told)


@pytest.mark.slow
def test_a_lost_folder_finds_a_traceback(tmp_path: Path) -> None:
    program = IN_PLACE + "open('out/late.txt', 'w')"
    assert any("ended with a traceback" in line for line in disturbed(tmp_path, program, lost.lose_once).violations)


def test_a_hang_is_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    begun = ground(tmp_path, GOOD)
    monkeypatch.setattr(work, "LONGEST", 0.5)
    running = work.Running(("-c", "import time; time.sleep(60)"), begun.base, environment_for())
    assert running.status() is None
    assert not running.is_alive()


def test_work_that_fails_without_a_fault_tells_nothing(tmp_path: Path) -> None:
    with pytest.raises(MergelabError, match=r"program: failed even without a fault: no such thing"):
        ground(tmp_path / "a", "import sys; print('no such thing', file=sys.stderr); sys.exit(3)")
    with pytest.raises(MergelabError, match=r"program: changed notes\.txt; let it write only below the folder out"):
        ground(tmp_path / "b", "open('notes.txt', 'a').write('more'); import time; time.sleep(0.1)")


def test_what_a_fault_may_leave(tmp_path: Path) -> None:
    before = {"mine": b"1", "old.json": b"{}", "gone": b"2"}
    whole = {"mine": b"1", "old.json": b'{"a": 1}', "gone": b"2", "rows.jsonl": b"{}\n{}\n", "x.bin": b"abc"}
    now = {
        "mine": b"3",
        "old.json": b'{"b": 1}',
        "rows.jsonl": b"{}\n",
        "x.bin": b"ab",
        ".7.tmp": b"",
        "y.part": b"",
        ".mergelab.9": b"",
        ".mergelab.lock": b"",
    }
    for name, content in now.items():
        (tmp_path / name).write_bytes(content)
    assert files_below(tmp_path) == now
    assert sorted(faults_midway(tmp_path, before, whole)) == [
        "gone was there before and is gone",
        "mine was there before and is changed",
        "x.bin has its final name but is half written",
    ]
    assert list(leftovers(tmp_path, before)) == [".7.tmp is left over", ".mergelab.9 is left over"]
    (tmp_path / "z").touch()
    assert list(faults_at_the_end(tmp_path, whole)) == [
        "gone is missing at the end",
        "mine differs from undisturbed work",
        "old.json differs from undisturbed work",
        "rows.jsonl differs from undisturbed work",
        "x.bin differs from undisturbed work",
        "z is left over",
    ]


def test_times_are_no_difference(tmp_path: Path) -> None:
    (tmp_path / "metrics.jsonl").write_text('{"loss": 1, "seconds": 2}\n')
    assert list(faults_at_the_end(tmp_path, {"metrics.jsonl": b'{"loss": 1, "seconds": 3}\n'})) == []
    assert list(faults_at_the_end(tmp_path, {"metrics.jsonl": b'{"loss": 2, "seconds": 2}\n'})) != []


@pytest.mark.slow
@pytest.mark.kernel
@pytest.mark.parametrize("kind", faults.TOGETHER)
def test_one_tokenizer_serves_threads_and_forks(kind: str, tmp_path: Path) -> None:
    make_base(tmp_path)
    make_tokenizers(tmp_path)
    job = {"kind": kind, "tokenizer": str(tmp_path / TOKENIZER), "text": str(tmp_path / TEXT), "seed": 1}
    assert order("bench.faults.together", job) == {"found": []}


@pytest.mark.slow
def test_a_run_is_a_record(tmp_path: Path) -> None:
    lines: list[str] = []
    content = faults.run(3, 1, lines.append, only=["encode to shards", "data fetch"], records=tmp_path)
    (path,) = tmp_path.iterdir()
    assert read(path, "faults") == content
    assert faults.violations(content) == []
    assert sum(row["runs"] for row in content["faults"] if row["fault"] == "kill") == 3
    assert {row["work"] for row in content["faults"]} == {"encode to shards", "data fetch"}
    assert lines[-1] == str(path)
    with pytest.raises(MergelabError, match="sleep: no such kind of work; choose some of count in processes"):
        faults.run(1, 1, lines.append, only=["sleep"], records=tmp_path)
