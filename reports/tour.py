"""Writes the figures and diagrams of TOUR.md; the figures come from a record: `python -m reports tour`."""

from __future__ import annotations

import re
from pathlib import Path

from bench.code import module_of, name_of
from impls.registry import STAGES, implementations
from impls.storage import atomic_writer
from reports.diagrams import with_diagrams
from reports.errors import ReportError
from reports.figures.ladders import step
from reports.pages.formats import write
from reports.records import Record

TOUR = Path(__file__).parent.parent / "TOUR.md"

SOURCE = re.compile(r"(Figures of )\S+\.json")

QUOTE = re.compile(r"\*\*[\d.,]+x as fast\s+as\s+\w+\*\*(\s+)\[(\w+)/(\w+) on ([\w-]+)\]")


def gain(record: Record, stage: str, impl: str, workload: str) -> str:
    """Return in words how many times as fast an implementation is as the implementation before it.

    Raises:
        ReportError: the record has no such step.
    """
    try:
        found = step(record, stage, impl, workload)
    except LookupError:
        found = None
    if found is None:
        quoted = f"{stage}/{impl} on {workload}, which {TOUR.name} quotes"
        raise ReportError(f"{record.path}: has no step to {quoted}; measure that step, or remove the quote")
    return f"{write(found.gain.alone)} as fast as {found.before}"


def with_figures_of(record: Record, text: str) -> str:
    """Return the tour with the figures of a record."""

    def quote(found: re.Match[str]) -> str:
        space, stage, impl, workload = found.groups()
        return f"**{gain(record, stage, impl, workload)}**{space}[{stage}/{impl} on {workload}]"

    return QUOTE.sub(quote, SOURCE.sub(rf"\g<1>{record.path.name}", text))


def missing_steps(text: str) -> list[str]:
    """Return a line for each implementation whose module the tour does not link to."""
    modules = {name_of(row): module_of(row) for stage in STAGES for row in implementations(stage)}
    return [
        f"no step for {name}; add one that links to {path}"
        for name, path in modules.items()
        if f"]({path})" not in text
    ]


def check_steps(path: Path) -> None:
    """Check that the tour visits every implementation.

    Raises:
        ReportError: the tour lacks an implementation; the message names it and the file that the tour must link to.
    """
    if missing := missing_steps(path.read_text("utf-8")):
        raise ReportError(f"{path.name}: {'; '.join(missing)}")


def rewrite(record: Record, path: Path) -> Path:
    """Put the figures of a record into the tour, and draw its diagrams anew; returns the path of the tour.

    Raises:
        ReportError: the record lacks a gain that the tour quotes.
        OSError, FileFormatError: the tour cannot be read or written.
    """
    text = with_diagrams(with_figures_of(record, path.read_text("utf-8")))
    with atomic_writer(path) as file:
        file.write(text.encode())
    return path
