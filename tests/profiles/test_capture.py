"""One profile: a tool or a target that is missing, crashes, hangs or says nothing is one line that names it."""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from impls import MergelabError
from profiles import capture, tools
from profiles.tools import rss
from profiles.tools import tool as rows
from tests.profiles import TRAINING


@pytest.fixture
def target(monkeypatch: pytest.MonkeyPatch) -> None:
    """Take the plain run of the target as done."""
    monkeypatch.setattr(capture, "plain_run", lambda *_: {"seconds": 1.0})


def run(name: str, raw: Path, code: str) -> dict[str, Any]:
    """Run a tool with a program of the test's own in place of the profiled process."""
    tool = replace(tools.load(name), command=lambda _: (sys.executable, "-c", code))
    return capture.run_tool(tool, TRAINING, raw)


@pytest.mark.usefixtures("target")
@pytest.mark.parametrize("name", ["cprofile", "rss"])
@pytest.mark.parametrize(
    ("code", "message"),
    [
        ("raise SystemExit('it broke')", "it broke"),
        ("import os; os.abort()", "the process ended with status -6; run it by itself"),
        ("1 / 0", "ZeroDivisionError: division by zero"),
        (
            "print('hello')",
            "the process ended with status 0 but printed no report; let it print one as a line of JSON",
        ),
    ],
)
def test_a_tool_that_crashes_or_says_nothing_is_one_line(name: str, code: str, message: str, tmp_path: Path) -> None:
    with pytest.raises(MergelabError) as error:
        run(name, tmp_path / "x", code)
    assert str(error.value) == f"{name}: {message}"


@pytest.mark.usefixtures("target")
@pytest.mark.parametrize("name", ["cprofile", "rss"])
@pytest.mark.parametrize("before", ["", "print('ready', flush=True); "])
def test_a_tool_that_hangs_is_one_line(
    name: str, before: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rows, "TIMEOUT", 0.2)
    monkeypatch.setattr(rss, "TIMEOUT", 0.2)
    with pytest.raises(MergelabError, match=f"^{name}: the process did not end within 0.2 s; .*work.*$"):
        run(name, tmp_path / "x", f"{before}import time; time.sleep(9)")


def test_a_tool_that_is_not_installed_is_one_line(tmp_path: Path) -> None:
    missing = replace(tools.load("memray"), needs="no_such_package")
    with pytest.raises(MergelabError, match="memray: not installed; run `pip install no_such_package`"):
        capture.run_tool(missing, TRAINING, tmp_path / "x.bin")


def test_a_target_that_fails_is_one_line(tmp_path: Path) -> None:
    with pytest.raises(
        MergelabError, match=r"^the target: --workload: there is no workload 'w'; choose one of stories-100KB"
    ):
        capture.run_tool(tools.load("cprofile"), TRAINING._replace(workload="w"), tmp_path / "x.prof")


@pytest.mark.usefixtures("target")
def test_the_file_of_another_run_is_not_read(tmp_path: Path) -> None:
    raw = tmp_path / "x.json"
    raw.write_text("of another run")
    with pytest.raises(MergelabError, match="scalene: the profile is empty"):
        run("scalene", raw, "print('{}')")
    assert not raw.exists()


def test_a_target_runs_plainly_once_per_number_of_repeats(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    seconds = iter([0.1, 0.5, 1.0, 1.5])
    ran: list[tuple[str, int]] = []

    def report(tool: rows.Tool, _subject: object, repeats: int, _raw: Path) -> dict[str, Any]:
        ran.append((tool.name, repeats))
        return {"seconds": next(seconds), "workers": 1, "facts": {"fact": 2}}

    monkeypatch.setattr(capture, "report", report)
    capture.plain_run.cache_clear()
    for slow_down in (2.0, 3.0):
        tool = replace(tools.load("cprofile"), digest=lambda _: {"seen": 3})
        digest = capture.run_tool(tool, TRAINING, tmp_path / "x.prof")
        assert digest["slow_down"] == pytest.approx(slow_down)
        assert (digest["repeats"], digest["seconds_plain"], digest["fact"], digest["seen"]) == (5, 0.5, 2, 3)
    capture.plain_run.cache_clear()
    assert ran == [("plain", 1), ("plain", 5), ("cprofile", 5), ("cprofile", 5)]


@pytest.mark.parametrize(("seconds", "repeats"), [(10.0, 1), (0.5, 1), (0.2, 3), (1e-6, 30)])
def test_short_work_is_repeated(seconds: float, repeats: int) -> None:
    assert capture.repeats_for(seconds) == repeats
