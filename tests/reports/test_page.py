"""The page stands alone, and is made the same twice."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

from reports.__main__ import main
from tests.support import ROOT
from tests.support.records import write_all


@pytest.fixture(scope="module")
def report(tmp_path_factory: pytest.TempPathFactory) -> tuple[str, str]:
    """Return HTML and Markdown of made-up records of all kinds."""
    folder = tmp_path_factory.mktemp("report")
    record = write_all(folder / "machine")
    assert main([str(record), "--out", str(folder / "out")]) == 0
    return (folder / "out" / "index.html").read_text(), (folder / "out" / "report.md").read_text()


def test_the_page_needs_nothing_else(report: tuple[str, str]) -> None:
    page, n_scripts = re.subn(r"<script[^>]*>.*?</script>", "", report[0], flags=re.DOTALL)
    assert n_scripts == report[0].count("</script") == 2
    assert not re.search(r"src=|url\(|https?://|<script|@import", page)
    targets = re.findall(r'href="([^"]+)"', page)
    assert len(targets) > 10
    for target in targets:
        assert target == "report.md" or (ROOT / target.removeprefix("../../")).exists(), target
    assert len(report[0].encode()) < 3e6
    assert page.count("<svg") == page.count("</svg>") > 10
    assert "nan" not in re.sub(r"[a-z]nan|nan[a-z]", "", page)


def test_twice_the_same_bytes(tmp_path: Path, report: tuple[str, str]) -> None:
    record = write_all(tmp_path / "machine")
    for _ in range(2):
        main([str(record), "--out", str(tmp_path)])
        assert ((tmp_path / "index.html").read_text(), (tmp_path / "report.md").read_text()) == report


@pytest.mark.parametrize("name", ["file", "folder"])
def test_a_page_that_cannot_be_written_is_one_line(tmp_path: Path, name: str) -> None:
    record = write_all(tmp_path / "m")
    (tmp_path / "file").write_text("in the way")
    (tmp_path / "folder" / "report.md").mkdir(parents=True)
    command = [sys.executable, "-m", "reports", str(record), "--out", str(tmp_path / name)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    (line,) = done.stderr.splitlines()
    assert done.returncode == 1
    assert name in line
