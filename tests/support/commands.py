"""What tests of the command line share: how it is run, and what every failure owes."""

import os
import re
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

import pytest

from impls.__main__ import main
from tests.support import ROOT

Capture = pytest.CaptureFixture[str]

COMMAND = (sys.executable, "-m", "impls")
ENVIRONMENT = {**os.environ, "PYTHONPATH": str(ROOT)}
TEXT = "low low lower newest newest widest — 12 naïve 🙃\r\n<s>low  newest<s>\n" * 4
BAD_UTF8 = b"the cat \xff sat"


def run(*arguments: str, folder: Path) -> subprocess.CompletedProcess[bytes]:
    return subprocess.run(
        [*COMMAND, *arguments],
        cwd=folder,
        env=ENVIRONMENT,
        capture_output=True,
        timeout=60,
    )


def status_of(arguments: Sequence[str]) -> int:
    try:
        return main(arguments)
    except SystemExit as stop:
        return int(stop.code or 0)


def contents(folder: Path) -> Mapping[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def entries(folder: Path) -> set[str]:
    return {str(path.relative_to(folder)) for path in folder.rglob("*")}


def assert_one_line(complaint: str, names: str) -> None:
    assert complaint.startswith("python -m impls")
    assert complaint.count("\n") == 1
    assert complaint.endswith("\n")
    assert "Traceback" not in complaint
    assert re.search(names, complaint), complaint


def assert_fails(arguments: Sequence[str], status: int, names: str, home: Path, capsys: Capture) -> None:
    """Check what every bad command owes: the status, one line naming the offender, no change to any file."""
    before = entries(home), contents(home)
    assert status_of(arguments) == status
    shown = capsys.readouterr()
    assert_one_line(shown.err, names)
    assert shown.out == ""
    assert (entries(home), contents(home)) == before
