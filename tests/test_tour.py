"""The documents: links lead somewhere, figures are those of the record, diagrams are drawn from the imports."""

from __future__ import annotations

import ast
import json
import re
from collections.abc import Iterator, Sequence, Set
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
LEFT_OUT = {
    "impls": {
        "__init__",
        "__main__",
        "errors",
        "interrupts",
        "machine",
        "memory",
        "parallel",
        "peers",
        "storage",
        "warm",
    },
    "lm": {"__init__", "__main__", "accounting", "checkpoint", "corpora", "memory", "metrics", "processes"},
}
"""Modules that the diagrams do without: helpers, and what only the command line calls."""

Arrow = tuple[str, str]


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


def imports(path: Path) -> Iterator[str]:
    """Yield the names that a source imports, inside functions too: of `from a import b` both `a` and `a.b`."""
    for node in ast.walk(ast.parse(path.read_bytes())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            yield from (node.module, *(f"{node.module}.{alias.name}" for alias in node.names))


def part_of(name: str, parts: Sequence[str]) -> str:
    """Return the longest of some modules that a name is or lies in; empty if it is none of theirs."""
    return max((part for part in parts if f"{name}.".startswith(f"{part}.")), key=len, default="")


def sources(part: str) -> list[Path]:
    """Return the files of a module or of a package with all below it."""
    path = ROOT / part.replace(".", "/")
    return sorted(path.rglob("*.py")) if path.is_dir() else [path.with_suffix(".py")]


def arrows(parts: Sequence[str]) -> set[Arrow]:
    """Return who imports whom among modules and packages."""
    found = {(part, part_of(name, parts)) for part in parts for path in sources(part) for name in imports(path)}
    return {(importer, imported) for importer, imported in found if imported not in ("", importer)}


def without_shortcuts(found: set[Arrow]) -> set[Arrow]:
    """Leave out what follows from other arrows."""

    def leads_round(start: str, end: str) -> bool:
        waiting, seen = [b for a, b in found if a == start and b != end], set()
        while waiting:
            place = waiting.pop()
            if place not in seen:
                seen.add(place)
                waiting += [b for a, b in found if a == place]
        return end in seen

    return {(a, b) for a, b in found if not leads_round(a, b)}


def drawn(found: Set[Arrow], dotted: Set[Arrow] = frozenset()) -> str:
    """Return arrows as Mermaid; modules go by their last name."""
    kinds = {**dict.fromkeys(found, "-->"), **dict.fromkeys(dotted, "-.->")}
    return "\n".join(["graph LR", *sorted(f"    {last(a)} {kind} {last(b)}" for (a, b), kind in kinds.items())])


def last(name: str) -> str:
    return name.rpartition(".")[2]


def modules(package: str) -> list[str]:
    """Return the modules and packages of a package that its diagram shows."""
    names = {path.relative_to(ROOT / package).parts[0].removesuffix(".py") for path in (ROOT / package).rglob("*.py")}
    return [f"{package}.{name}" for name in sorted(names - LEFT_OUT[package])]


def diagram(heading: str) -> str:
    """Return the diagram below a heading of the tour."""
    return TOUR.split(f"\n## {heading}\n")[1].split("```mermaid\n")[1].split("\n```")[0]


def test_the_diagram_of_packages_is_drawn_from_the_imports() -> None:
    assert diagram("Who imports whom") == drawn(arrows(PACKAGES))


def test_the_diagram_of_implementations_is_drawn_from_the_imports() -> None:
    by_name = {("impls.registry", f"impls.{stage}") for stage in STAGES}
    assert {row.target.split(".")[1] for stage in STAGES for row in implementations(stage)} == set(STAGES)
    assert diagram("Inside `impls`") == drawn(without_shortcuts(arrows(modules("impls"))), by_name)


def test_the_diagram_of_the_trainer_is_drawn_from_the_imports() -> None:
    assert diagram("Inside `lm`") == drawn(without_shortcuts(arrows(modules("lm"))))


def names_in(part: str) -> set[str]:
    """Return all names that the sources of a module mention."""
    found = {last(name) for path in sources(part) for name in imports(path)}
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
    assert starts - ends == {"impls.corpus", "impls.registry"}
    assert ends - starts == {"lm.demo", "lm.evaluate", "lm.generate"}
