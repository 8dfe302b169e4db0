"""The cache of compiled code: damaged, shared, read-only, or nowhere."""

from __future__ import annotations

import os
import re
import resource
import subprocess
import sys
import warnings
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import numpy as np
import pytest

from impls.cache import kernels_digest, warn_that_code_is_lost
from impls.kernels import compiler, keys
from impls.kernels.compiler import Kernel
from impls.kernels.helpers import JIT
from tests.support import ROOT
from tests.support.processes import child, names

compiled_only = pytest.mark.skipif(not JIT, reason="nothing is compiled")


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """An empty cache folder."""
    monkeypatch.setenv("MERGELAB_CACHE", str(tmp_path / "cache"))
    compiler.code_folder.cache_clear()
    yield tmp_path / "cache"
    compiler.code_folder.cache_clear()


def rehashed(kernel: Kernel) -> list[list[int]]:
    old, new = np.arange(8, dtype=np.uint64).reshape(2, 4), np.zeros((4, 4), np.uint64)
    kernel(old, new)
    return sorted(new.tolist())


def fresh_kernel(name: str = "") -> Kernel:
    """A kernel as a new process has it."""
    assert isinstance(keys.rehash, Kernel)
    return Kernel(keys.rehash.function, name)


RIGHT = [[0, 0, 0, 0], [0, 0, 0, 0], [0, 1, 2, 3], [4, 5, 6, 7]]

DAMAGE: dict[str, Callable[[bytes], bytes]] = {
    "empty": lambda code: code[:0],
    "digest-only": lambda code: code[:32],
    "first-half": lambda code: code[: len(code) // 2],
    "a-byte-more": lambda code: code + b"\0",
    "a-byte-of-the-digest": lambda code: bytes([code[0] ^ 1]) + code[1:],
    "a-byte-of-the-code": lambda code: code[:500] + bytes([code[500] ^ 1]) + code[501:],
}


@compiled_only
@pytest.mark.parametrize("damage", DAMAGE)
def test_damaged_code_is_compiled_again(damage: str, cache: Path) -> None:
    assert rehashed(fresh_kernel()) == RIGHT
    (path,) = cache.rglob("*.o")
    stored = path.read_bytes()
    path.write_bytes(DAMAGE[damage](stored))
    assert rehashed(fresh_kernel()) == RIGHT
    assert names(path.parent) == {path.name}
    assert len(path.read_bytes()) == len(stored)


@compiled_only
def test_code_of_another_kernel_is_not_run(cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert rehashed(fresh_kernel("other")) == RIGHT
    (other,) = cache.rglob("*.o")
    other.rename(other.with_name(other.name.replace("-other", "")))
    compiled = []
    compile_ = Kernel._compile

    def record(kernel: Kernel, arguments: tuple[object, ...]) -> bytes:
        compiled.append(kernel.name)
        return compile_(kernel, arguments)

    monkeypatch.setattr(Kernel, "_compile", record)
    for _ in range(2):
        assert rehashed(fresh_kernel()) == RIGHT
    assert compiled == ["rehash"]


COMPILE_TWO = """
import sys
import warnings
import numpy as np
from impls.kernels.count import unpack_table
from impls.kernels.keys import rehash

table = np.zeros((4, 4), np.uint64)
rehash(np.arange(8, dtype=np.uint64).reshape(2, 4), table)
print(sorted(table.tolist()))
nothing, offsets = np.empty(0, np.uint8), np.zeros(1, np.int64)
print(unpack_table(np.zeros((4, 4), np.uint64), nothing, nothing, offsets, np.empty(0, np.int64)))
"""
COMPILED_TWO = f"{RIGHT}\n0\n"


@pytest.mark.slow
@compiled_only
def test_two_processes_may_compile_into_one_empty_cache(tmp_path: Path) -> None:
    command = [sys.executable, "-c", COMPILE_TWO]
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "MERGELAB_CACHE": str(tmp_path / "cache")}
    start = partial(subprocess.Popen, command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    for process in [start(text=True), start(text=True)]:
        assert process.communicate(timeout=60) == (COMPILED_TWO, "")
    assert sorted(re.sub("-.*", "", path.name) for path in tmp_path.rglob("*.o")) == ["rehash", "unpack_table"]
    assert list(tmp_path.rglob("*.tmp")) == []


@pytest.mark.slow
@compiled_only
@pytest.mark.parametrize(
    ("cache", "limits", "reason"),
    [("cache", {resource.RLIMIT_FSIZE: 100}, "File too large"), ("file/cache", {}, "Not a directory")],
)
def test_without_room_for_a_cache_there_is_one_note(
    cache: str, limits: dict[int, int], reason: str, tmp_path: Path
) -> None:
    (tmp_path / "file").touch()
    done = child(["-c", COMPILE_TWO], tmp_path, limits, MERGELAB_CACHE=str(tmp_path / cache))
    assert (done.returncode, done.stdout) == (0, COMPILED_TWO)
    (told,) = re.findall(r": UserWarning: (.*)", done.stderr)
    folder = tmp_path / cache / f"kernels-{kernels_digest()}"
    assert told == f"{folder}: {reason}; each process compiles the kernels again"
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == [tmp_path / "file"]


def owned_by_another(path: Path) -> None:
    if os.geteuid():
        pytest.skip("only root can give a file away")
    os.chown(path, 12_345, 12_345)


def replaced_by_a_link(path: Path) -> None:
    path.rename(path.with_name("elsewhere"))
    path.symlink_to(path.with_name("elsewhere"))


def replaced_by_a_pipe(path: Path) -> None:
    path.unlink()
    os.mkfifo(path)


STRANGERS: dict[str, Callable[[Path], object]] = {
    "file-of-another": owned_by_another,
    "folder-of-another": lambda path: owned_by_another(path.parent),
    "file-that-others-write": lambda path: path.chmod(0o666),
    "folder-that-others-write": lambda path: path.parent.chmod(0o777),
    "link": replaced_by_a_link,
    "linked-folder": lambda path: replaced_by_a_link(path.parent),
    "pipe": replaced_by_a_pipe,
}


@compiled_only
@pytest.mark.parametrize("stranger", STRANGERS)
def test_code_that_somebody_else_could_have_written_is_not_run(
    stranger: str, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert rehashed(fresh_kernel()) == RIGHT
    (path,) = cache.rglob("*.o")
    assert (path.parent.stat().st_mode & 0o777, path.stat().st_mode & 0o777) == (0o700, 0o600)
    STRANGERS[stranger](path)
    monkeypatch.setattr("impls.kernels.compiler._load", lambda _: pytest.fail("code was run that is not ours"))
    monkeypatch.setattr(Kernel, "_compile", lambda *_: b"compiled again")
    kernel = fresh_kernel()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        assert kernel._object_code("types", ()) == b"compiled again"


@compiled_only
@pytest.mark.parametrize("stranger", ["folder-of-another", "folder-that-others-write", "linked-folder"])
def test_a_folder_of_strangers_is_one_warning_and_nothing_is_written(stranger: str, cache: Path) -> None:
    assert rehashed(fresh_kernel()) == RIGHT
    (path,) = cache.rglob("*.o")
    STRANGERS[stranger](path)
    before = {file: file.read_bytes() for file in cache.rglob("*") if file.is_file()}
    warn_that_code_is_lost.cache_clear()
    with pytest.warns(UserWarning, match="each process compiles the kernels again") as caught:
        assert [rehashed(fresh_kernel()) for _ in range(2)] == [RIGHT, RIGHT]
    assert len(caught) == 1
    assert {file: file.read_bytes() for file in cache.rglob("*") if file.is_file()} == before


@compiled_only
def test_folders_of_old_versions_are_removed_but_nothing_else(cache: Path) -> None:
    for number in range(12):
        folder = cache / f"kernels-{number:016x}"
        folder.mkdir(parents=True)
        (folder / "rehash-1.o").write_bytes(b"old")
        os.utime(folder, (number, number))
    (cache / "kernels-0000000000000001" / "notes.txt").write_text("mine")
    os.utime(cache / "kernels-0000000000000001", (1, 1))
    (cache / "kernels-of-mine").mkdir()
    (cache / "measurements.json").write_text("{}")
    assert rehashed(fresh_kernel()) == RIGHT
    left = {path.name for path in cache.iterdir()}
    kept = {f"kernels-{number:016x}" for number in range(5, 12)} | {"kernels-0000000000000001"}
    assert left == kept | {"kernels-of-mine", "measurements.json", f"kernels-{kernels_digest()}"}


@compiled_only
def test_a_cache_that_is_only_read_serves(cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert rehashed(fresh_kernel()) == RIGHT
    monkeypatch.setattr("impls.kernels.compiler.write_private", lambda *_: pytest.fail("written"))
    monkeypatch.setattr(Kernel, "_compile", lambda *_: pytest.fail("compiled"))
    assert rehashed(fresh_kernel()) == RIGHT
    assert len(list(cache.rglob("*.o"))) == 1
