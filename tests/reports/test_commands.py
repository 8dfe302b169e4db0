"""`python -m reports`: the commands, and the modules that they load."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from reports.__main__ import main
from reports.commands import PROGRAM
from tests.support import ROOT
from tests.support.records import write_all


def test_a_record_alone_means_build(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    record = write_all(tmp_path / "m")
    assert main([str(record), "--out", str(tmp_path / "one")]) == 0
    assert main(["build", str(record), "--out", str(tmp_path / "two")]) == 0
    out = capsys.readouterr().out
    assert out.count("count, stories-5MB: speed-up over findall") == 2
    pages = [sorted(path.name for path in (tmp_path / name).iterdir()) for name in ("one", "two")]
    assert pages == [["index.html", "ladder.svg", "report.md"]] * 2


@pytest.mark.parametrize("name", PROGRAM.commands)
def test_every_command_explains_itself(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as stopped:
        main([name, "--help"])
    assert stopped.value.code == 0
    assert "a record of the benchmarks" in capsys.readouterr().out


def test_the_table_of_commands_loads_nothing_heavy() -> None:
    code = "import sys, reports.__main__, reports.commands; print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert not {"pandas", "numpy", "numba", "jinja2", "bench.record"} & set(done.stdout.split())


def test_a_record_that_is_not_there_is_one_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for words in (["build"], ["compare"], ["measurements"], ["tour"]):
        assert main([*words, str(tmp_path / "0001_none.json")]) == 1
        (line,) = capsys.readouterr().err.splitlines()
        assert line.startswith("python -m reports: error: ")
        assert "0001_none.json: No such file or directory" in line
