"""The page stands alone, and is made the same twice."""

from __future__ import annotations

import re
import subprocess
import sys
from collections import Counter
from html.parser import HTMLParser
from pathlib import Path

import pytest

from reports.__main__ import main
from tests.support import ROOT
from tests.support.records import benchmarks_record, profiles_record, studies_record, write, write_all


@pytest.fixture(scope="module")
def report(tmp_path_factory: pytest.TempPathFactory) -> tuple[str, str]:
    """Return HTML and Markdown of made-up records of all kinds."""
    folder = tmp_path_factory.mktemp("report")
    record = write_all(folder / "machine")
    assert main([str(record), "--out", str(folder / "out")]) == 0
    return (folder / "out" / "index.html").read_text(), (folder / "out" / "report.md").read_text()


def test_the_page_needs_nothing_else(report: tuple[str, str]) -> None:
    page, n_scripts = re.subn(r"<script[^>]*>.*?</script>", "", report[0], flags=re.DOTALL)
    assert n_scripts == report[0].count("<script") == report[0].count("</script") == 2
    assert "<!--" not in page.split("-->", 1)[1]
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


HOSTILE = "</script><script>alert(1)</script><img src=x onerror=alert(1)>\"'`${1}`]("


def tags(page: str) -> Counter[str]:
    """Return how often each tag begins, as a browser reads the page."""
    found: Counter[str] = Counter()
    parser = HTMLParser()
    parser.handle_starttag = lambda tag, _: found.update([tag])  # type: ignore[method-assign]
    parser.feed(page)
    return found


def test_words_of_a_record_are_no_markup(tmp_path: Path) -> None:
    content = benchmarks_record()
    for case in content["benchmarks"]:
        info = case["extra_info"]
        info |= {"why": HOSTILE, "idea": HOSTILE, "workload": info["workload"] + HOSTILE}
    content["errors"] = [{"stage": HOSTILE, "impl": HOSTILE, "workload": HOSTILE, "error": HOSTILE}]
    content["commit_info"] = {"id": HOSTILE, "dirty": False}
    content["machine_info"]["cpu"]["brand_raw"] = HOSTILE
    info |= {"stage": HOSTILE, "impl": HOSTILE}
    record = write(tmp_path / "m" / "Linux" / "0001_x_20260101_000000.json", content)
    profiles, studies = profiles_record(), studies_record()
    for digest in profiles["digests"]:
        for row in digest.get("functions", []):
            row |= {"name": HOSTILE, "file": HOSTILE}
        for row in digest.get("stacks", []):
            row["stack"] = [*row["stack"], HOSTILE]
    for study in studies["studies"].values():
        study |= {"title": f"{study['title']} {HOSTILE}", "question": HOSTILE, "x": HOSTILE}
        for row in study["points"]:
            row["series"] += HOSTILE
    for kind, other in (("profiles", profiles), ("studies", studies)):
        other["machine_info"]["cpu"]["brand_raw"] = HOSTILE
        write(tmp_path / "m" / kind / "0001_x_20260101_000000.json", other)
    main([str(record), "--out", str(tmp_path)])
    page, text = (tmp_path / "index.html").read_text(), (tmp_path / "report.md").read_text()
    assert (tags(page)["script"], tags(page)["img"]) == (2, 0)
    assert page.count("<script") == page.count("</script") == 2
    words = re.sub(r"`[^`\n]*`", "", text)  # Code is no markup.
    assert not re.search(r"<(script|img)", words)
    assert "](" not in re.sub(r"\]\([\w./-]+\)", "", words)


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
