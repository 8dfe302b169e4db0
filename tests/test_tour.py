"""The documents: links lead somewhere, figures are those of the record, the diagram is drawn from the imports."""

from __future__ import annotations

import ast
import json
import re
from pathlib import Path

import pytest

from impls.registry import STAGES, implementations
from reports.formats import ratio
from reports.load import ReportError, load_record
from reports.tour import with_figures_of

ROOT = Path(__file__).parent.parent
TOUR = (ROOT / "TOUR.md").read_text()
DOCUMENTS = sorted(path for path in ROOT.glob("*.md"))
PACKAGES = ("bench", "data", "impls", "lm", "profiles", "reports")


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: path.name)
def test_links_lead_somewhere(path: Path) -> None:
    for target in re.findall(r"\]\(([^)#]+)(?:#[^)]*)?\)", path.read_text()):
        assert target.startswith("https://") or (path.parent / target).exists(), target


def test_the_tour_visits_every_implementation_in_order() -> None:
    places = []
    for stage in ("train", "count", "encode"):
        for row in implementations(stage):
            path = row.target.split(":")[0].replace(".", "/") + ".py"
            places.append(TOUR.index(f"]({path})"))
    assert places == sorted(places)
    assert set(STAGES) == {"train", "count", "encode"}


def test_figures_of_the_tour_are_those_of_the_record() -> None:
    found = re.search(r"Figures of (\S+\.json)", TOUR)
    assert found
    (path,) = (ROOT / "bench" / "records").rglob(found[1])
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


def test_a_step_that_the_record_lacks_is_one_line() -> None:
    (path,) = (ROOT / "bench" / "records").rglob(re.findall(r"Figures of (\S+\.json)", TOUR)[0])
    with pytest.raises(ReportError, match="no step to train/fast on stories-5MB"):
        with_figures_of(load_record(path), "**2x as fast as naive** [train/fast on stories-5MB]")


def diagram() -> str:
    """Draw who imports whom, packages alone."""
    arrows = set()
    for path in (path for name in PACKAGES for path in (ROOT / name).rglob("*.py")):
        package = path.relative_to(ROOT).parts[0]
        for node in ast.walk(ast.parse(path.read_bytes())):
            names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            if isinstance(node, ast.ImportFrom) and node.module and not node.level:
                names = [node.module]
            found = {name.split(".")[0] for name in names} & set(PACKAGES) - {package}
            arrows |= {f"    {package} --> {name}" for name in found}
    return "\n".join(["graph LR", *sorted(arrows)])


def test_the_diagram_is_drawn_from_the_imports() -> None:
    found = re.search(r"```mermaid\n(.*?)\n```", TOUR, re.DOTALL)
    assert found
    assert found[1] == diagram()
