"""Systems that lack what Linux has: each function is taken away, and everything still works.

Two things cannot be taken away here: `msvcrt`, which would make Python's own modules believe that this is Windows,
and `os.set_blocking`, without which Linux refuses the pipe that is written on a signal.
"""

from __future__ import annotations

import errno
import os
import signal
import stat
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest

from impls import Tokenizer, system
from impls.kernels.helpers import JIT
from tests.support import ROOT

LACKING = {
    "macOS": """
import mmap, os
del os.sched_getaffinity
if hasattr(mmap, "MADV_HUGEPAGE"):
    del mmap.MADV_HUGEPAGE
""",
    "Windows": """
import mmap, os, signal, sys
sys.modules["fcntl"] = None
for name in (
    "sched_getaffinity", "geteuid", "fchmod", "register_at_fork", "fork", "sysconf",
    "O_NOFOLLOW", "O_DIRECTORY", "O_CLOEXEC", "O_NONBLOCK",
):
    delattr(os, name)
del signal.pthread_sigmask, mmap.MADV_HUGEPAGE
""",
}

RUN = """
import runpy
runpy.run_module("impls", run_name="__main__", alter_sys=True)
"""


def run(lacking: str, home: Path, *words: str) -> str:
    script = f"import sys\nsys.argv[:] = ['impls', *sys.argv[1:]]\n{LACKING[lacking]}{RUN}"
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "MERGELAB_CACHE": str(home / "cache")}
    done = subprocess.run(
        [sys.executable, "-c", script, *words], cwd=home, env=environment, capture_output=True, text=True, timeout=300
    )
    assert done.stderr == ""
    assert done.returncode == 0
    return done.stdout


@pytest.mark.slow
@pytest.mark.parametrize("lacking", LACKING)
def test_commands_work_where_functions_are_lacking(lacking: str, tmp_path: Path) -> None:
    text = "low low lower newest widest " * 400
    (tmp_path / "text.txt").write_text(text)
    for impl in ("incremental", "jit") if JIT else ("incremental",):
        folder = tmp_path / f"tok-{impl}"
        run(lacking, tmp_path, "train", "text.txt", "--vocab-size", "264", "--impl", impl, "--out", folder.name)
        run(lacking, tmp_path, "encode", folder.name, "text.txt", "--out", f"{impl}.bin", "--impl", "auto")
        run(lacking, tmp_path, "decode", folder.name, f"{impl}.bin", "--out", f"{impl}.txt")
        assert (tmp_path / f"{impl}.txt").read_text() == text
    if JIT:
        assert Tokenizer.load(tmp_path / "tok-jit") == Tokenizer.load(tmp_path / "tok-incremental")
        assert list((tmp_path / "cache").rglob("*.o")), "compiled code is kept without owners and modes, too"


def test_cores_are_those_that_the_process_may_use(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: {3, 5, 9})
    assert system.cores() == 3
    monkeypatch.delattr(os, "sched_getaffinity")
    monkeypatch.setattr(os, "cpu_count", lambda: 7)
    assert system.cores() == 7
    monkeypatch.setattr(os, "cpu_count", lambda: None)
    assert system.cores() == 1


def test_a_flag_that_is_lacking_is_left_out(monkeypatch: pytest.MonkeyPatch) -> None:
    assert system.flags("O_NOFOLLOW", "O_CLOEXEC") == os.O_NOFOLLOW | os.O_CLOEXEC
    monkeypatch.delattr(os, "O_NOFOLLOW")
    assert system.flags("O_NOFOLLOW", "O_CLOEXEC") == os.O_CLOEXEC


@pytest.mark.parametrize("with_fcntl", [True, False])
def test_a_lock_keeps_others_out_until_it_is_given_up(
    with_fcntl: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    locked: list[int] = []

    def locking(descriptor: int, mode: int, n_bytes: int) -> None:
        assert (os.lseek(descriptor, 0, os.SEEK_CUR), n_bytes) == (system.LOCKED_BYTE, 1)
        if mode == 1 and locked:
            raise OSError(errno.EACCES, "Permission denied")
        locked[:] = [descriptor] if mode == 1 else []

    if not with_fcntl:
        monkeypatch.setattr(system, "fcntl", None)
        monkeypatch.setattr(system, "msvcrt", SimpleNamespace(locking=locking, LK_NBLCK=1, LK_UNLCK=0))
    with (tmp_path / "lock").open("w+b") as first, (tmp_path / "lock").open("r+b") as second:
        first.write(b"abc")
        first.flush()
        system.lock(first)
        with pytest.raises(BlockingIOError):
            system.lock(second)
        assert (first.tell(), second.read()) == (3, b"abc")
        system.unlock(first)
        system.lock(second)


def test_owners_and_modes_are_asked_where_there_are_some(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "file"
    path.touch()
    path.chmod(0o666)
    assert "can be written by others" in system.owner_of(path.stat())
    monkeypatch.setattr(os, "geteuid", lambda: path.stat().st_uid + 1)
    assert system.owner_of(path.stat()) == "belongs to another user"
    monkeypatch.delattr(os, "geteuid")
    assert system.owner_of(path.stat()) == ""


@pytest.mark.parametrize("with_flags", [True, False])
def test_a_link_is_no_folder(with_flags: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    if not with_flags:
        monkeypatch.delattr(os, "O_DIRECTORY")
    (tmp_path / "link").symlink_to(tmp_path)
    assert stat.S_ISDIR(system.stat_folder(tmp_path).st_mode)
    with pytest.raises(NotADirectoryError):
        system.stat_folder(tmp_path / "link")


def test_signals_are_blocked_where_they_can_be(monkeypatch: pytest.MonkeyPatch) -> None:
    with system.blocked([signal.SIGUSR1]):
        assert signal.SIGUSR1 in signal.pthread_sigmask(signal.SIG_BLOCK, [])
    assert signal.SIGUSR1 not in signal.pthread_sigmask(signal.SIG_BLOCK, [])
    monkeypatch.delattr(signal, "pthread_sigmask")
    with system.blocked([signal.SIGUSR1]):
        pass


def test_memory_is_unknown_where_nothing_tells(monkeypatch: pytest.MonkeyPatch) -> None:
    assert system.memory_bytes() > 1 << 28
    monkeypatch.delattr(os, "sysconf")
    assert system.memory_bytes() == 0
