"""`python -m data` from outside: exit statuses, one-line errors, no traceback."""

import os
import re
import signal
import subprocess
import sys
import time
from functools import partial
from pathlib import Path

import pytest

from data.__main__ import main
from data.commands.make import _size
from tests.support import ROOT

Capture = pytest.CaptureFixture[str]


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("MERGELAB_DATA", str(tmp_path / "cache"))
    return tmp_path / "cache"


def run(*arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "data", *arguments]
    return subprocess.run(command, cwd=ROOT, env=os.environ, capture_output=True, text=True, timeout=60)


def test_list() -> None:
    done = run("list")
    assert (done.returncode, done.stderr) == (0, "")
    assert "tinystories-valid  download      22,502,601" in done.stdout


def test_make_prints_the_path(cache: Path) -> None:
    done = run("make", "stories", "--bytes", "20KB")
    path = Path(done.stdout.strip())
    assert (done.returncode, done.stderr) == (0, "")
    assert path.parent == cache
    assert path.stat().st_size == 20_000


def test_make_out_and_seed(tmp_path: Path, capsys: Capture) -> None:
    for seed in ("0", "1"):
        assert main(["make", "stories", "--bytes", "999", "--seed", seed, "--out", str(tmp_path / seed)]) == 0
    assert (tmp_path / "0").read_bytes() != (tmp_path / "1").read_bytes()
    assert len((tmp_path / "1").read_bytes()) == 999
    assert capsys.readouterr().out.split() == [str(tmp_path / "0"), str(tmp_path / "1")]


def test_verify(cache: Path, capsys: Capture) -> None:
    assert main(["make", "crlf"]) == 0
    assert main(["verify"]) == 0
    assert main(["verify", "crlf"]) == 0
    assert capsys.readouterr().out.count("ok ") == 2
    next(cache.glob("crlf*.txt")).write_bytes(b"damaged")
    assert main(["verify"]) == 1
    shown = capsys.readouterr()
    assert "FAILED" in shown.out
    assert shown.err.startswith("python -m data: error: ")
    assert shown.err.count("\n") == 1


@pytest.mark.parametrize(
    ("arguments", "names"),
    [
        ((), "COMMAND"),
        (("frobnicate",), "frobnicate"),
        (("make",), "NAME"),
        (("make", "stories", "--bytes", "-5"), "-5"),
        (("make", "stories", "--bytes", "lots"), "lots"),
        (("make", "stories", "--bytes", "5XB"), "5XB"),
        (("make", "stories", "--bytes", ""), "''"),
        (("make", "stories", "--seed", "-1"), "-1"),
        (("make", "stories", "--seed", "one"), "one"),
        (("make", "stories", "--colour"), "--colour"),
        (("list", "extra"), "extra"),
    ],
)
def test_bad_usage_exits_2(arguments: tuple[str, ...], names: str, capsys: Capture) -> None:
    with pytest.raises(SystemExit) as caught:
        main(list(arguments))
    shown = capsys.readouterr()
    assert caught.value.code == 2
    assert shown.out == ""
    assert shown.err.startswith(
        ("python -m data: error: ", f"python -m data {arguments[:1] and arguments[0]}: error: ")
    )
    assert shown.err.count("\n") == 1
    assert names in shown.err


@pytest.mark.parametrize(
    ("arguments", "names"),
    [
        (("make", "file:/no/such"), "/no/such"),
        (("make", "ties", "--seed", "3"), "ties"),
        (("make", "ties", "--out", "/proc/no/such"), "/proc/no"),
        (("make", "stdlib", "--bytes", "900GB"), "stdlib"),
        (("fetch", "stories"), "stories"),
        (("fetch", "tinystories-valid", "--url", "http://127.0.0.1:9/x"), "http://127.0.0.1:9/x"),
        (("fetch", "tinystories-valid", "--url", "ftp://x"), "ftp://x"),
        (("verify", "stories"), "stories"),
    ],
)
def test_failure_exits_1(arguments: tuple[str, ...], names: str, capsys: Capture) -> None:
    assert main(list(arguments)) == 1
    shown = capsys.readouterr()
    assert shown.out == ""
    assert shown.err.startswith("python -m data: error: ")
    assert shown.err.count("\n") == 1
    assert names in shown.err


def test_a_corpus_is_not_written_over_its_own_file(tmp_path: Path, capsys: Capture) -> None:
    path = tmp_path / "text.txt"
    path.write_text("mine")
    (tmp_path / "link").symlink_to(path)
    for out in (path, tmp_path / "link"):
        assert main(["make", f"file:{path}", "--bytes", "2", "--out", str(out)]) == 1
        assert f"{out}: is the same file as the input" in capsys.readouterr().err
    assert path.read_text() == "mine"


@pytest.mark.parametrize("command", ["make", "fetch", "verify"])
def test_unknown_corpus_exits_2_and_lists_what_exists(command: str, capsys: Capture) -> None:
    assert main([command, "nope"]) == 2
    shown = capsys.readouterr()
    assert shown.out == ""
    assert re.fullmatch(r"python -m data: error: nope: no such corpus; .*stories, stdlib.*\n", shown.err)


def test_errors_of_the_real_command() -> None:
    for arguments, status in ((("make", "nope"), 2), (("make", "stories", "--bytes", "-5"), 2)):
        done = run(*arguments)
        assert (done.returncode, done.stdout) == (status, "")
        assert done.stderr.count("\n") == 1
        assert "Traceback" not in done.stderr


def test_interrupt(tmp_path: Path) -> None:
    command = [
        sys.executable,
        "-m",
        "data",
        "make",
        "stories",
        "--bytes",
        "100GB",
        "--out",
        str(tmp_path / "big"),
    ]
    # What a shell runs in the background ignores SIGINT, and so would its children.
    heed = partial(signal.signal, signal.SIGINT, signal.SIG_DFL)
    process = subprocess.Popen(command, cwd=ROOT, env=os.environ, stderr=subprocess.PIPE, text=True, preexec_fn=heed)
    deadline = time.monotonic() + 20
    while not any(tmp_path.glob(".*.tmp")) and time.monotonic() < deadline:
        time.sleep(0.02)
    process.send_signal(signal.SIGINT)
    try:
        _, complaint = process.communicate(timeout=20)
    finally:
        process.kill()
    assert process.returncode == 130
    assert complaint.startswith("python -m data: error: interrupted")
    assert complaint.count("\n") == 1
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("text", "size"),
    [
        ("0", 0),
        ("17", 17),
        ("500MB", 500_000_000),
        ("1GB", 10**9),
        ("2 kb", 2_000),
        ("1KiB", 1_024),
        ("3B", 3),
    ],
)
def test_sizes(text: str, size: int) -> None:
    assert _size(text) == size
