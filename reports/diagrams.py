"""The diagrams of TOUR.md: which module imports which, read from the sources and drawn with Mermaid."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator, Sequence, Set
from pathlib import Path

from impls.registry import STAGES
from reports.errors import ReportError

ROOT = Path(__file__).parent.parent

PACKAGES = ("bench", "data", "impls", "lm", "profiles", "reports")

LEFT_OUT = {
    "impls": {
        "__init__", "__main__", "arguments", "cache", "command_line", "errors", "interrupts", "machine", "memory",
        "parallel", "peers", "storage", "streams", "system", "warm",
    },
    "lm": {
        "__init__", "__main__", "accounting", "checkpoint", "commands", "config_files", "corpora", "digests",
        "memory", "metrics", "processes", "settings",
    },
}  # fmt: skip
"""Modules that the diagram of a package leaves out: helpers, the command line, and modules for it alone."""

Arrow = tuple[str, str]
"""Two names with dots, of modules or packages: the first imports the second."""


def imports(path: Path) -> Iterator[str]:
    """Yield the names that a source file imports, inside functions too; `from a import b` gives `a` and `a.b`."""
    for node in ast.walk(ast.parse(path.read_bytes())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield from (node.module, *(f"{node.module}.{alias.name}" for alias in node.names))


def sources(part: str, root: Path = ROOT) -> list[Path]:
    """Return the file of a module, or all files of a package and of the packages below it."""
    path = root / part.replace(".", "/")
    return sorted(path.rglob("*.py")) if path.is_dir() else [path.with_suffix(".py")]


def arrows(parts: Sequence[str], root: Path = ROOT) -> set[Arrow]:
    """Return an arrow for each import between the given modules and packages."""
    found = {
        (part, _part_of(name, parts)) for part in parts for path in sources(part, root) for name in imports(path)
    }
    return {(importer, imported) for importer, imported in found if imported not in ("", importer)}


def _part_of(name: str, parts: Sequence[str]) -> str:
    return max((part for part in parts if f"{name}.".startswith(f"{part}.")), key=len, default="")


def without_shortcuts(found: set[Arrow]) -> set[Arrow]:
    """Return the arrows that do not follow from other arrows: with arrows a -> b and b -> c, leave a -> c out."""

    def leads_round(start: str, end: str) -> bool:
        waiting, seen = [b for a, b in found if a == start and b != end], set[str]()
        while waiting:
            place = waiting.pop()
            if place not in seen:
                seen.add(place)
                waiting += [b for a, b in found if a == place]
        return end in seen

    return {(a, b) for a, b in found if not leads_round(a, b)}


def drawn(found: Set[Arrow], dotted: Set[Arrow] = frozenset()) -> str:
    """Return the arrows as Mermaid code; each module has the last part of its name."""
    kinds = {**dict.fromkeys(found, "-->"), **dict.fromkeys(dotted, "-.->")}
    return "\n".join(["graph LR", *sorted(f"    {_last(a)} {kind} {_last(b)}" for (a, b), kind in kinds.items())])


def _last(name: str) -> str:
    return name.rpartition(".")[2]


def _inside(package: str) -> set[Arrow]:
    names = {path.relative_to(ROOT / package).parts[0].removesuffix(".py") for path in sources(package)}
    return without_shortcuts(arrows([f"{package}.{name}" for name in sorted(names - LEFT_OUT[package])]))


def diagrams() -> dict[str, str]:
    """Return the diagrams of the tour: a dict: heading above the diagram -> Mermaid code of the diagram.

    The registry imports the module of a row only when the row is loaded: these arrows are dotted.
    """
    by_name = {("impls.registry", f"impls.{stage}") for stage in STAGES}
    return {
        "Who imports whom": drawn(arrows(PACKAGES)),
        "Inside `impls`": drawn(_inside("impls"), by_name),
        "Inside `lm`": drawn(_inside("lm")),
    }


def with_diagrams(text: str) -> str:
    """Return the tour with its diagrams drawn anew.

    Raises:
        ReportError: the tour lacks a heading, or has no diagram below it.
    """
    for heading, diagram in diagrams().items():
        below = re.compile(rf"(\n## {re.escape(heading)}\n(?:(?!\n## ).)*?```mermaid\n).*?(\n```)", re.DOTALL)
        found = below.search(text)
        if not found:
            raise ReportError(f"TOUR.md: no diagram below the heading {heading!r}; put one there, however small")
        text = text[: found.end(1)] + diagram + text[found.start(2) :]
    return text
