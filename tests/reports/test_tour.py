"""The documents: links lead somewhere, figures come from the record, diagrams are drawn from the imports."""

from __future__ import annotations

import ast
import json
import re
from pathlib import Path

import pytest

from bench.record import REFERENCE
from impls.registry import STAGES, implementations
from reports.__main__ import main
from reports.diagrams import arrows, diagrams, drawn, imports, sources, with_diagrams, without_shortcuts
from reports.errors import ReportError
from reports.pages.formats import ratio
from reports.records import load_record
from reports.tour import missing_steps, rewrite, with_figures_of
from tests.support import ROOT

TOUR = (ROOT / "TOUR.md").read_text()
DOCUMENTS = sorted(path for path in ROOT.glob("*.md"))


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: path.name)
def test_links_lead_somewhere(path: Path) -> None:
    for target in re.findall(r"\]\(([^)#]+)(?:#[^)]*)?\)", path.read_text()):
        assert target.startswith("https://") or (path.parent / target).exists(), target


def test_the_tour_visits_every_implementation_in_order() -> None:
    assert missing_steps(TOUR) == []
    places = []
    for stage in ("train", "count", "encode"):
        for row in implementations(stage):
            path = row.target.split(":")[0].replace(".", "/") + ".py"
            places.append(TOUR.index(f"]({path})"))
    assert places == sorted(places)
    assert set(STAGES) == {"train", "count", "encode"}


def test_a_tour_without_a_step_says_which_and_to_which_file_it_links(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    tour = tmp_path / "TOUR.md"
    tour.write_text(TOUR.replace("](impls/encode/heap.py)", "](impls/encode/pile.py)"))
    assert missing_steps(tour.read_text()) == ["no step for encode/heap; add one that links to impls/encode/heap.py"]
    monkeypatch.setattr("reports.commands.tour.TOUR", tour)
    (path,) = REFERENCE.rglob(re.findall(r"Figures of (\S+\.json)", TOUR)[0])
    assert main(["tour", str(path)]) == 1
    assert capsys.readouterr().err.endswith(
        ": error: TOUR.md: no step for encode/heap; add one that links to impls/encode/heap.py\n"
    )


def test_figures_of_the_tour_are_those_of_the_record() -> None:
    found = re.search(r"Figures of (\S+\.json)", TOUR)
    assert found
    (path,) = REFERENCE.rglob(found[1])
    record = load_record(path)
    assert with_figures_of(record, TOUR) == TOUR
    quoted = re.findall(r"\*\*([\d.,]+)x as fast\s+as\s+(\w+)\*\*\s+\[(\w+)/(\w+) on ([\w-]+)\]", TOUR)
    assert len(quoted) >= 10
    for gain, before, stage, impl, workload in quoted:
        medians = {
            case["extra_info"]["impl"]: case["stats"]["median"]
            for case in json.loads(path.read_text())["benchmarks"]
            if (case["extra_info"]["stage"], case["extra_info"]["workload"]) == (stage, workload)
        }
        assert list(medians)[list(medians).index(impl) - 1] == before
        assert ratio(medians[before] / medians[impl]) == f"{gain}x"


def test_the_figures_come_from_the_reference_if_no_record_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "TOUR.md").write_text(re.sub(r"\*\*[\d.,]+x as", "**7x as", TOUR))
    monkeypatch.setattr("reports.commands.tour.TOUR", tmp_path / "TOUR.md")
    monkeypatch.setattr("bench.record.RECORDS", tmp_path)
    assert main(["tour"]) == 0
    assert (tmp_path / "TOUR.md").read_text() == TOUR


def test_a_step_that_the_record_lacks_is_one_line() -> None:
    (path,) = REFERENCE.rglob(re.findall(r"Figures of (\S+\.json)", TOUR)[0])
    with pytest.raises(ReportError, match="no step to train/fast on stories-5MB"):
        with_figures_of(load_record(path), "**2x as fast as naive** [train/fast on stories-5MB]")


def diagram(heading: str) -> str:
    """Return the diagram below a heading of the tour."""
    return TOUR.split(f"\n## {heading}\n")[1].split("```mermaid\n")[1].split("\n```")[0]


def test_the_diagrams_are_drawn_from_the_imports() -> None:
    assert {row.target.split(".")[1] for stage in STAGES for row in implementations(stage)} == set(STAGES)
    for heading, drawing in diagrams().items():
        assert diagram(heading) == drawing, "`python -m reports tour` draws it anew"
    assert with_diagrams(TOUR) == TOUR


def test_figures_and_diagrams_are_written_anew(tmp_path: Path) -> None:
    (path,) = REFERENCE.rglob(re.findall(r"Figures of (\S+\.json)", TOUR)[0])
    old = re.sub(r"\*\*[\d.,]+x as", "**7x as", TOUR).replace("    train --> kernels\n", "")
    (tmp_path / "TOUR.md").write_text(old)
    rewrite(load_record(path), tmp_path / "TOUR.md")
    assert old != (tmp_path / "TOUR.md").read_text() == TOUR
    with pytest.raises(ReportError, match="no diagram below the heading 'Inside `lm`'"):
        with_diagrams(TOUR.replace("## Inside `lm`", "## Outside"))


def test_who_imports_whom_is_read_from_the_sources(tmp_path: Path) -> None:
    (tmp_path / "house" / "cellar").mkdir(parents=True)
    for name, source in {
        "house/roof.py": "from house import walls\nfrom house.cellar.wine import red\nimport math\n",
        "house/walls.py": "def build():\n    import house.ground.stone\n    from house.cellar import wine\n",
        "house/cellar/wine.py": "from house.ground import stone\nfrom house.groundwater import deep\n",
        "house/ground.py": "",
    }.items():
        (tmp_path / name).write_text(source)
    parts = [f"house.{name}" for name in ("roof", "walls", "cellar", "ground")]
    found = {(a.removeprefix("house."), b.removeprefix("house.")) for a, b in arrows(parts, tmp_path)}
    one_by_one = {("roof", "walls"), ("walls", "cellar"), ("cellar", "ground")}
    assert found == one_by_one | {("roof", "cellar"), ("walls", "ground")}
    assert without_shortcuts(found) == one_by_one
    assert drawn({("house.roof", "house.walls")}, {("house.walls", "house.cellar")}) == (
        "graph LR\n    roof --> walls\n    walls -.-> cellar"
    )


def names_in(part: str) -> set[str]:
    """Return all names that the sources of a module mention."""
    found = {name.rpartition(".")[2] for path in sources(part) for name in imports(path)}
    for node in (node for path in sources(part) for node in ast.walk(ast.parse(path.read_bytes()))):
        found |= {getattr(node, attribute, None) for attribute in ("id", "attr", "arg", "name")} - {None}
    return found


def test_the_pipeline_is_that_of_the_sources() -> None:
    text = diagram("What goes where")
    modules_by_id = dict(re.findall(r'(\w+)\["([\w.]+)"\]', text))
    found = re.findall(r"^    (\w+)\S* (?:-- (\w+) )?--> (\w+)\S*$", text, re.MULTILINE)
    assert len(found) == len(text.splitlines()) - 1
    for start, label, end in found:
        left, right = modules_by_id[start], modules_by_id[end]
        if label:
            assert label in names_in(left) & names_in(right), f"{left} -- {label} --> {right}"
        else:
            assert arrows([left, right]), f"neither of {left} and {right} imports the other"
    starts, ends = ({modules_by_id[row[side]] for row in found} for side in (0, 2))
    # So that no arrow can be missing: all but these have one that leads there, and one that leads away.
    assert starts - ends == {"impls.inputs", "impls.registry"}
    assert ends - starts == {"lm.demo", "lm.evaluate", "lm.export", "lm.generate"}
