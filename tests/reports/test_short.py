"""The report in Markdown: the story of the page in few lines, with links that lead somewhere."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from bench.record import REFERENCE
from reports.__main__ import main
from tests.support import ROOT
from tests.support.records import write_all


@pytest.fixture(scope="module", params=["made up", "committed"])
def text(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> str:
    """Return the Markdown of made-up records, and of those that come with the project."""
    folder = tmp_path_factory.mktemp("report")
    quoted = re.search(r"Figures of (\S+\.json)", (ROOT / "README.md").read_text())
    assert quoted
    (committed,) = REFERENCE.rglob(quoted[1])
    record = write_all(folder / "m") if request.param == "made up" else committed
    assert main([str(record), "--out", str(folder)]) == 0
    return (folder / "report.md").read_text()


def test_it_has_three_hundred_lines_at_most(text: str) -> None:
    assert 100 < text.count("\n") <= 300


def test_its_links_lead_somewhere(text: str) -> None:
    targets = re.findall(r"\]\(([^)]+)\)", text)
    assert {"index.html", "../../TOUR.md", "../../METHODOLOGY.md", "../../profiles/LOG.md"} <= set(targets)
    for target in targets:
        assert target == "index.html" or (ROOT / target.removeprefix("../../")).exists(), target


def test_it_names_what_only_the_page_has(text: str) -> None:
    alone = text.split("\n## On the page alone\n")[1]
    for title in ("All cases", "What training saves", "Bottlenecks", "Memory", "Known faults of tokenizer programs"):
        assert title in alone
        assert f"\n### {title}\n" not in text


def test_no_word_of_it_is_on_drawings(text: str) -> None:
    assert "The thin line is the spread" not in text


def test_it_stands_beside_the_page(tmp_path: Path) -> None:
    assert main([str(write_all(tmp_path / "m")), "--out", str(tmp_path)]) == 0
    assert 'href="report.md"' in (tmp_path / "index.html").read_text()
