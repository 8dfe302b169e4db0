"""Hardware counters: where the kernel refuses them, one line says why; what is counted is scaled and summed."""

from __future__ import annotations

import errno
import json
import mmap
import os
import platform
from pathlib import Path
from threading import Thread

import pytest

from impls import MergelabError
from profiles.__main__ import main
from profiles.tools import hardware
from profiles.tools.hardware import Event

Capture = pytest.CaptureFixture[str]

PAGES = 1_000

PAGE_FAULTS = Event(1, 2)
"""An event that the kernel itself counts, on every machine."""


def refuse(monkeypatch: pytest.MonkeyPatch, number: int) -> None:
    def refused(_: Event) -> int:
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(hardware, "opened", refused)


@pytest.mark.parametrize(
    ("number", "reason"),
    [
        (errno.ENOENT, hardware.NO_COUNTERS),
        (errno.EOPNOTSUPP, hardware.NO_COUNTERS),
        (errno.ENOSYS, hardware.NO_COUNTERS),
        (errno.EACCES, hardware.REFUSED),
        (errno.EPERM, hardware.REFUSED),
        (errno.EMFILE, "hardware counters: Too many open files; use cachegrind"),
    ],
)
def test_a_refusal_is_told_with_its_reason(number: int, reason: str, monkeypatch: pytest.MonkeyPatch) -> None:
    refuse(monkeypatch, number)
    assert hardware.absent() == reason


def test_an_unknown_kind_of_cpu_has_no_counters(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(platform, "machine", lambda: "abacus")
    assert hardware.absent() == hardware.NO_COUNTERS


def test_the_suite_skips_what_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Capture) -> None:
    refuse(monkeypatch, errno.EACCES)
    words = ["suite", "--only", "hardware", "--captures", str(tmp_path / "c"), "--records", str(tmp_path / "r")]
    assert main(words) == 0
    assert f"hardware: skipped, since {hardware.REFUSED}\n" in capsys.readouterr().err
    (path,) = (tmp_path / "r").iterdir()
    assert json.loads(path.read_text())["skipped"] == [{"tool": "hardware", "reason": hardware.REFUSED}]


def touch_pages() -> None:
    with mmap.mmap(-1, PAGES * mmap.PAGESIZE) as memory:
        memory.madvise(mmap.MADV_NOHUGEPAGE)
        for page in range(PAGES):
            memory[page * mmap.PAGESIZE] = 1


def in_a_thread() -> None:
    thread = Thread(target=touch_pages)
    thread.start()
    thread.join()


def test_the_block_and_its_threads_are_counted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    try:
        os.close(hardware.opened(PAGE_FAULTS))
    except OSError as error:
        pytest.skip(f"perf_event_open: {error.strerror}")
    monkeypatch.setattr(hardware, "EVENTS", {"faults": PAGE_FAULTS, "not there": Event(0, 1 << 30)})
    counted = []
    for work in (lambda: None, touch_pages, in_a_thread):
        with hardware.counted(tmp_path / "x"):
            work()
        digest = hardware.digest(tmp_path / "x")
        assert list(digest["call"]) == ["faults"]
        counted.append(digest["call"]["faults"])
    nothing, here, there = counted
    assert nothing < PAGES <= min(here, there)
    assert max(here, there) < 2 * PAGES


def test_a_counter_that_took_turns_is_scaled_up(tmp_path: Path) -> None:
    raw = tmp_path / "x"
    raw.write_text(json.dumps({"instructions": [10, 100, 50], "cycles": [7, 100, 100], "branches": [5, 100, 0]}))
    assert hardware.digest(raw) == {"call": {"instructions": 20, "cycles": 7}}
    raw.write_text(json.dumps({"cycles": [0, 100, 0]}))
    with pytest.raises(MergelabError, match="no counter ran; end other programs that count"):
        hardware.digest(raw)


def test_a_block_that_fails_leaves_no_counter_open(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    opened: list[int] = []

    def pipe(_: Event) -> int:
        opened.append(os.open(os.devnull, os.O_RDONLY))
        return opened[-1]

    monkeypatch.setattr(hardware, "opened", pipe)
    with pytest.raises(OSError, match="Inappropriate ioctl"), hardware.counted(tmp_path / "x"):
        pass
    assert len(opened) == len(hardware.EVENTS)
    for counter in opened:
        with pytest.raises(OSError, match="Bad file descriptor"):
            os.fstat(counter)
    assert not (tmp_path / "x").exists()
