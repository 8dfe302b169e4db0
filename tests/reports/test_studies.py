"""A study is shown as its record has it: a new one needs no edit of the report."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from reports.__main__ import main
from reports.sections import CHAPTERS, Part, Shown
from tests.reports.markdown import cells
from tests.reports.page import text_of
from tests.support.records import point, studies_record, write, write_all


def report_with(folder: Path, studies: dict[str, Any]) -> tuple[str, str]:
    record = write_all(folder / "m")
    write(folder / "m" / "studies" / "0002_x_20260102_000000.json", {**studies_record(), "studies": studies})
    assert main([str(record), "--out", str(folder)]) == 0
    return (folder / "index.html").read_text(), text_of(folder)


@pytest.fixture(scope="module")
def temperatures(tmp_path_factory: pytest.TempPathFactory) -> tuple[str, str]:
    new = {
        "title": "Warm rooms", "question": "Does heat matter?", "x": "temperature", "x_unit": "degrees", "unit": "s",
        "points": [point(f"encode/{name}", x, 0.01 * x) for name in ("heap", "jit") for x in (20, 35)],
        "left_out": [{"series": "encode/heap", "x": 1000, "reason": "it melts"}],
        "errors": [{"series": "encode/jit", "x": 50, "error": "too hot"}], "took_seconds": 1.0,
    }  # fmt: skip
    return report_with(tmp_path_factory.mktemp("report"), {**studies_record()["studies"], "heat": new})


def test_a_new_study_shows_up_with_title_table_drawing_and_command(temperatures: tuple[str, str]) -> None:
    page, text = temperatures
    section = text.split("\n## Warm rooms\n")[1].split("\n## ")[0]
    assert section.splitlines()[1] == "| by temperature in degrees | 20 | 35 |"
    assert list(cells(text, "Warm rooms")) == ["encode/heap", "encode/jit"]
    assert "- encode/heap: 1,000 (it melts)\n- encode/jit at 50: error, no time: too hot\n" in section
    assert section.rstrip().endswith("Made by `python -m bench studies --only heat`.")
    drawn = page.split('id="warm-rooms"')[1].split("</figure>")[0]
    assert "Does heat matter? Median by temperature in degrees." in drawn
    assert ">temperature in degrees (log)</text>" in drawn
    assert drawn.count("<polyline") == 2


def test_studies_stand_in_the_order_of_the_record_and_none_twice(temperatures: tuple[str, str]) -> None:
    titles = re.findall("^## (.*)$", temperatures[1], re.MULTILINE)
    places = [titles.index(title) for title in ("What kills and full disks did", "Warm rooms", "Over all records")]
    assert places == sorted(places)
    assert len(titles) == len(set(titles))
    rows = [row for chapter in CHAPTERS for row in chapter.rows]
    named = [name for row in rows if isinstance(row, Part) for name in row.studies]
    named += [name for row in rows if isinstance(row, Shown) for name in row.names]
    assert len(named) == len(set(named))


def test_a_study_that_the_record_lacks_says_which_command_makes_it(tmp_path: Path) -> None:
    studies = studies_record()["studies"]
    for name in ("vocabulary", "memory", "stages"):
        del studies[name]
    _, text = report_with(tmp_path, studies)
    for title, name in (("Study vocabulary", "vocabulary"), ("Memory", "memory"), ("Stages", "stages")):
        section = text.split(f"\n## {title}\n")[1].split("\n## ")[0]
        why = f"the record has no study {name}; `python -m bench studies` makes all"
        assert f"Missing: {why}." in section
    assert "### Merge by merge" in text
    assert "### Training, predicted" in text


def test_a_study_of_which_nothing_could_be_measured_says_why(tmp_path: Path) -> None:
    studies = studies_record()["studies"]
    errors = [{"series": "encode/jit", "x": 10, "error": "outputs differ"}]
    for name in ("calls", "size"):
        studies[name] |= {"points": [], "errors": errors}
    _, text = report_with(tmp_path, studies)
    for title in ("Small calls", "Growth with the corpus"):
        section = text.split(f"\n## {title}\n")[1].split("\n## ")[0]
        assert "Missing: no point of it could be measured." in section
        assert "encode/jit at 10: error, no time: outputs differ" in section
    assert "## Which implementation to take\n\nMissing: no point of the study size could be measured" in text
