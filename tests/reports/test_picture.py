"""The picture with which the README opens: a file of its own, with the ladder that the report shows."""

from __future__ import annotations

import re
import xml.etree.ElementTree as ElementTree
from pathlib import Path

from bench.record import REFERENCE
from impls.registry import implementations
from reports.__main__ import main
from tests.reports.page import text_of
from tests.support import ROOT
from tests.support.records import write_all

NAMESPACE = "{http://www.w3.org/2000/svg}"


def words(path: Path, kind: str = "") -> list[str]:
    texts = ElementTree.parse(path).iter(f"{NAMESPACE}text")
    return [text.text or "" for text in texts if kind in text.attrib.get("class", "")]


def test_the_picture_shows_every_trainer_with_the_figures_of_the_report(tmp_path: Path) -> None:
    assert main([str(write_all(tmp_path / "m")), "--out", str(tmp_path / "out")]) == 0
    picture, names = tmp_path / "out" / "ladder.svg", [row.name for row in implementations("train")]
    assert words(picture, "name") == names
    speedups = words(picture, "value")
    assert len(speedups) == len(names)
    section = text_of(tmp_path / "out").partition("## train, stories-100KB\n")[2]
    rows = [line for line in section.splitlines() if line.startswith("|")][2 : 2 + len(names)]
    for name, speedup, row in zip(names, speedups, rows, strict=True):
        assert {name, speedup} <= set(map(str.strip, row.split("|")))


def test_the_picture_needs_no_other_file(tmp_path: Path) -> None:
    assert main([str(write_all(tmp_path / "m")), "--out", str(tmp_path / "out")]) == 0
    source = (tmp_path / "out" / "ladder.svg").read_text()
    assert "light-dark(" in source
    assert not re.search(r"href|url\(|<script|http(?!://www\.w3\.org/2000/svg)", source)


def test_the_readme_opens_with_the_picture_of_the_reference() -> None:
    (path,) = re.findall(r"!\[[^]]+\]\(([^)]+)\)", (ROOT / "README.md").read_text().partition("## ")[0])
    assert ROOT / path == REFERENCE.parent / "ladder.svg"
    assert {row.name for row in implementations("train")} <= set(words(ROOT / path))
