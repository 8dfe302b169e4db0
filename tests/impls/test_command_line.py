"""The ground of all command lines: every program has its commands, loads nothing else, and fails with one line."""

from __future__ import annotations

import importlib
import subprocess
import sys
from argparse import ArgumentParser, Namespace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from impls.command_line import Program, is_out_of_memory, run
from impls.errors import FileFormatError, UsageError
from tests.support import ROOT

PROGRAMS = ("impls", "data", "lm", "bench", "profiles", "reports")

PROGRAM = Program("made_up", "Nothing.", {"go": "go there", "stay": "stay here"}, out_of_memory="eat less")

HELP = """
import sys
from {package}.__main__ import main
try:
    main(["--help"])
except SystemExit:
    print(*sorted({{name.split(".")[0] for name in sys.modules}}), file=sys.stderr)
"""

Capture = pytest.CaptureFixture[str]


def command(monkeypatch: pytest.MonkeyPatch, work: Any) -> None:
    """Let `go` do some work."""

    def configure(parser: ArgumentParser) -> None:
        parser.add_argument("--number", type=int, default=0)

    monkeypatch.setitem(sys.modules, "made_up", SimpleNamespace(__path__=[]))
    monkeypatch.setitem(sys.modules, "made_up.commands", SimpleNamespace(__path__=[]))
    monkeypatch.setitem(sys.modules, "made_up.commands.go", SimpleNamespace(configure=configure, run=work))


def raising(error: BaseException) -> Any:
    def work(_: Namespace) -> None:
        raise error

    return work


@pytest.mark.parametrize("package", PROGRAMS)
def test_every_command_of_a_table_is_a_module_and_every_module_is_in_the_table(package: str) -> None:
    program = importlib.import_module(f"{package}.commands").PROGRAM
    assert program.package == package
    modules = {path.stem for path in (ROOT / package / "commands").glob("*.py")} - {"__init__", "options"}
    assert modules == set(program.commands)


@pytest.mark.parametrize("package", PROGRAMS)
def test_help_names_every_command_and_loads_nothing_else(package: str) -> None:
    command = [sys.executable, "-c", HELP.format(package=package)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    for name, text in importlib.import_module(f"{package}.commands").PROGRAM.commands.items():
        assert name in done.stdout
        assert text.split()[0] in done.stdout
    assert {"numpy", "torch", "regex", "numba", "pandas", "jinja2"}.isdisjoint(done.stderr.split())


@pytest.mark.parametrize(
    ("error", "status", "line"),
    [
        (UsageError("size: 0 is too small"), 2, "size: 0 is too small"),
        (FileFormatError("a.txt: line\nbreak"), 1, "a.txt: line\\nbreak"),
        (MemoryError(), 1, "out of memory; eat less"),
        (RuntimeError("you tried to allocate memory"), 1, "out of memory; eat less"),
        (
            FileNotFoundError(2, "No such file or directory", "a.txt"),
            1,
            "a.txt: No such file or directory; correct this, then run the command again",
        ),
    ],
)
def test_an_error_is_one_line_and_a_status(
    error: Exception, status: int, line: str, monkeypatch: pytest.MonkeyPatch, capsys: Capture
) -> None:
    command(monkeypatch, raising(error))
    assert run(PROGRAM, ["go"]) == status
    assert capsys.readouterr().err == f"python -m made_up: error: {line}\n"


def test_an_error_of_our_own_making_is_not_hidden(monkeypatch: pytest.MonkeyPatch) -> None:
    command(monkeypatch, raising(RuntimeError("a fault")))
    with pytest.raises(RuntimeError, match="a fault"):
        run(PROGRAM, ["go"])


def test_a_command_gets_its_options_and_may_return_a_status(monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[Namespace] = []
    command(monkeypatch, lambda options: seen.append(options) or 7)
    assert run(PROGRAM, ["go", "--number", "3"]) == 7
    assert (seen[0].number, seen[0].arguments) == (3, ["go", "--number", "3"])


def test_a_default_command_takes_what_names_none(monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[int] = []
    command(monkeypatch, lambda options: seen.append(options.number))
    program = Program("made_up", "Nothing.", {"go": "go there"}, default="go")
    for arguments in ([], ["--number", "5"], ["go", "--number", "6"]):
        assert run(program, arguments) == 0
    assert seen == [0, 5, 6]


@pytest.mark.parametrize(
    ("arguments", "says"),
    [([], "COMMAND"), (["run"], "'run'"), (["go", "--number", "x"], "'x'"), (["go", "--num", "1"], "--num")],
)
def test_bad_usage_is_one_line_with_status_2(
    arguments: list[str], says: str, monkeypatch: pytest.MonkeyPatch, capsys: Capture
) -> None:
    command(monkeypatch, lambda _: pytest.fail("it ran"))
    with pytest.raises(SystemExit) as caught:
        run(PROGRAM, arguments)
    complaint = capsys.readouterr().err
    assert caught.value.code == 2
    assert complaint.count("\n") == 1
    assert says in complaint


def test_memory_that_ran_out_is_told_from_other_faults() -> None:
    gpu = type("OutOfMemoryError", (RuntimeError,), {})
    assert is_out_of_memory(gpu("CUDA"))
    assert not is_out_of_memory(RuntimeError("shape"))


def test_an_output_that_is_full_is_no_traceback() -> None:
    command = [sys.executable, "-c", "from data.__main__ import main\nimport sys\nsys.exit(main(['list']))"]
    with Path("/dev/full").open("wb") as full:
        done = subprocess.run(command, cwd=ROOT, stdout=full, stderr=subprocess.PIPE, check=False)
    told = b"standard output: No space left on device; correct this, then run the command again"
    assert (done.returncode, done.stderr) == (1, b"python -m data: error: " + told + b"\n")
