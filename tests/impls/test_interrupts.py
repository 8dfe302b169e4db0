"""SIGINT and SIGTERM at any moment: one line, the status of the signal, nothing left behind."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from functools import partial
from pathlib import Path

import numpy as np
import pytest

from impls import Tokenizer
from impls.kernels.helpers import JIT
from tests.support import ROOT

LINE = "python -m impls: error: interrupted; no unfinished file was left\n"

# Runs `python -m impls` and has a signal sent some time after a function is entered, in whatever thread.
CHILD = """
import os, runpy, sys, threading
number, place, delay = int(sys.argv[1]), sys.argv[2], float(sys.argv[3])

def watch(frame, event, _):
    if event == "call" and place == f"{frame.f_code.co_filename}:{frame.f_code.co_name}"[-len(place):]:
        sys.setprofile(None)
        threading.setprofile(None)
        threading.Timer(delay, os.kill, (os.getpid(), number)).start()

sys.argv[:] = ["impls", *sys.argv[4:]]
threading.setprofile(watch)
sys.setprofile(watch)
runpy.run_module("impls", run_name="__main__", alter_sys=True)
"""

TRAIN = ("train", "text.txt", "--vocab-size", "5000", "--out", "new", "--impl")
ENCODE = ("encode", "tok", "text.txt", "--out", "new.bin", "--impl")
CASES = {
    "imports": (("pick", "--bytes", "5"), "numpy/__init__.py:<module>", 0.01),
    "counting-in-threads": ((*TRAIN, "jit"), "count/jit.py:count_range", 0.0),
    "counting-in-processes": ((*TRAIN, "incremental"), "process_pool.py:count", 0.3),
    "starting-processes": ((*TRAIN, "incremental"), "concurrent/futures/process.py:submit", 0.0),
    "merging": ((*TRAIN, "incremental", "--workers", "1"), "train/incremental.py:train", 0.05),
    "encoding": ((*ENCODE, "cached"), "parts.py:encoded_range", 0.1),
    "encoding-in-threads": ((*ENCODE, "jit"), "parts.py:encoded_range", 0.0),
    "decoding": (("decode", "tok", "ids.bin", "--out", "new.txt"), "decoder.py:_join", 0.02),
}


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """A folder with a text of several ranges, a tokenizer, and ids."""
    words = np.random.default_rng(0).integers(0, 10**6, 500_000)
    (tmp_path / "text.txt").write_text(" ".join(map(str, words.tolist())))
    Tokenizer({byte: bytes([byte]) for byte in range(256)}, []).save(tmp_path / "tok")
    np.full(30_000_000, 65, "<u2").tofile(tmp_path / "ids.bin")
    return tmp_path


def python(*arguments: str, home: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run Python in a folder, with the default handler of SIGINT, which a shell may have set to be ignored."""
    return subprocess.run(
        [sys.executable, *arguments],
        cwd=home,
        env={**os.environ, "PYTHONPATH": str(ROOT), **environment},
        capture_output=True,
        text=True,
        timeout=60,
        preexec_fn=partial(signal.signal, signal.SIGINT, signal.default_int_handler),
    )


def interrupt(
    number: int, arguments: tuple[str, ...], place: str, delay: float, home: Path, **environment: str
) -> subprocess.CompletedProcess[str]:
    before = {path.relative_to(home) for path in home.rglob("*")}
    done = python("-c", CHILD, str(int(number)), place, str(delay), *arguments, home=home, **environment)
    assert {path.relative_to(home) for path in home.rglob("*")} == before
    return done


@pytest.mark.slow
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
@pytest.mark.parametrize("case", CASES)
def test_a_signal_ends_every_phase_with_one_line(case: str, number: int, home: Path) -> None:
    done = interrupt(number, *CASES[case], home)
    # A process that is only starting has something of its own to say when nobody talks to it any more.
    said = done.stderr[: len(LINE)] if case == "starting-processes" else done.stderr
    assert (done.returncode, said, done.stdout) == (128 + number, LINE, "")


@pytest.mark.slow
@pytest.mark.skipif(not JIT, reason="nothing is compiled")
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
@pytest.mark.parametrize("arguments", [(*TRAIN, "jit"), (*ENCODE, "jit"), ("warm",)], ids=["train", "encode", "warm"])
def test_nobody_waits_for_the_compiler(
    arguments: tuple[str, ...], number: int, home: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    cache = tmp_path_factory.mktemp("cache")
    place = "impls/kernels/codegen.py:_type_of"
    done = interrupt(number, arguments, place, 0.2, home, MERGELAB_CACHE=str(cache))
    assert (done.returncode, done.stderr, done.stdout) == (128 + number, LINE, "")
    assert len(list(cache.rglob("*.o"))) <= 1
    assert list(cache.rglob("*.tmp")) == []


@pytest.mark.slow
@pytest.mark.skipif(not JIT, reason="nothing is compiled")
def test_nobody_waits_for_one_long_pretoken(home: Path) -> None:
    letters = np.frombuffer(b"etaoinshrdlu", np.uint8)
    (home / "text.txt").write_bytes(np.random.default_rng(0).choice(letters, 20_000_000).tobytes())
    done = interrupt(signal.SIGINT, (*TRAIN, "jit"), "impls/train/jit.py:train", 1.0, home)
    assert (done.returncode, done.stderr, done.stdout) == (130, LINE, "")


def test_an_interrupt_that_became_another_error_is_still_one(home: Path) -> None:
    # As NumPy's own start does, in C.
    script = """
import os, signal, sys, time, types
from impls.__main__ import main
from impls.interrupts import listen

def configure(parser):
    pass

def run(options):
    try:
        os.kill(os.getpid(), signal.SIGINT)
        time.sleep(10)
    except KeyboardInterrupt:
        raise RuntimeError("could not be started") from None

sys.modules["impls.commands.list"] = types.SimpleNamespace(configure=configure, run=run)
listen("python -m impls")
sys.exit(main(["list"]))
"""
    done = python("-c", script, home=home)
    assert (done.returncode, done.stderr, done.stdout) == (130, LINE, "")


def test_what_was_half_made_is_not_freed(home: Path) -> None:
    # LLVM's objects crash when they are freed half made: by the frames of the interrupted call, or as modules end.
    script = """
import os, signal, sys, time, types
from impls.__main__ import main
from impls import interrupts

class HalfMade:
    def __del__(self):
        os.abort()

def run(options):
    local = HalfMade()
    os.kill(os.getpid(), signal.SIGINT)
    time.sleep(10)

left = HalfMade()
sys.modules["impls.commands.list"] = types.SimpleNamespace(configure=lambda parser: None, run=run)
sys.argv[1:] = ["list"]
interrupts.start(main, "python -m impls")
"""
    done = python("-c", script, home=home)
    assert (done.returncode, done.stderr, done.stdout) == (130, LINE, "")


def test_semaphores_that_are_left_behind_are_removed_without_a_word(home: Path) -> None:
    script = """
import os
from concurrent.futures import ProcessPoolExecutor
from impls import train_bpe

if __name__ == "__main__":
    ProcessPoolExecutor.shutdown = lambda *_, **__: os._exit(3)
    train_bpe("text.txt", 300, [], impl="incremental", workers=2)
"""
    (home / "leave.py").write_text(script)
    done = python("leave.py", home=home)
    assert (done.returncode, done.stderr) == (3, "")
