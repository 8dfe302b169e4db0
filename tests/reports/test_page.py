"""The page stands alone, is made the same twice, and fits a phone."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from reports.__main__ import main
from tests.support import ROOT
from tests.support.records import benchmarks_record, write, write_all


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


def chromium(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    options = ["--headless", "--no-sandbox", "--disable-gpu", "--enable-logging=stderr", "--v=0"]
    command = ["chromium", *options, f"--user-data-dir={folder / 'profile'}", *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=True, timeout=120)


needs_chromium = pytest.mark.skipif(not shutil.which("chromium"), reason="there is no chromium")


@needs_chromium
def test_chromium_draws_it_without_a_complaint(report: tuple[str, str], tmp_path: Path) -> None:
    (tmp_path / "index.html").write_text(report[0])
    done = chromium(tmp_path, f"--screenshot={tmp_path / 'page.png'}", f"file://{tmp_path / 'index.html'}")
    assert (tmp_path / "page.png").stat().st_size > 20_000
    assert "CONSOLE" not in done.stderr


WIDTHS = "<script>document.title = [innerWidth, document.documentElement.scrollWidth]</script>"

IN_A_PHONE = """
<iframe src="index.html" width="390" height="800"></iframe>
<script>onload = () => { document.title = frames[0].document.title }</script>
"""


@needs_chromium
def test_nothing_is_wider_than_a_phone(tmp_path: Path) -> None:
    content = benchmarks_record()
    for case in content["benchmarks"]:  # So that the long name of the record is shown: its code has changed.
        case["extra_info"]["code_sha256"] = "0" * 64
    record = write_all(tmp_path / "machine")
    write(record, content)
    assert main([str(record), "--out", str(tmp_path)]) == 0
    page = tmp_path / "index.html"
    page.write_text(page.read_text() + WIDTHS)
    # A window of its own is never so narrow.
    (tmp_path / "phone.html").write_text(IN_A_PHONE)
    done = chromium(tmp_path, "--allow-file-access-from-files", "--dump-dom", f"file://{tmp_path / 'phone.html'}")
    found = re.search("<title>(.*)</title>", done.stdout)
    assert found
    width, needed = map(int, found[1].split(","))
    assert (width, needed <= width) == (390, True)
