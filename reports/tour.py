"""The figures that TOUR.md quotes, written from a record, and its diagrams: `python -m reports tour`."""

from __future__ import annotations

import re
from pathlib import Path

from impls.storage import atomic_writer
from reports.diagrams import with_diagrams
from reports.formats import ratio
from reports.load import Record, ReportError, ladder

TOUR = Path(__file__).parent.parent / "TOUR.md"

SOURCE = re.compile(r"(Figures of )\S+\.json")

QUOTE = re.compile(r"\*\*[\d.,]+x as fast\s+as\s+\w+\*\*(\s+)\[(\w+)/(\w+) on ([\w-]+)\]")


def gain(record: Record, stage: str, impl: str, workload: str) -> str:
    """Return how many times as fast an implementation is as the one before it, in words.

    Raises:
        ReportError: the record has no such step.
    """
    try:
        rows = ladder(record, stage, workload)
        place = rows.index[rows["impl"] == impl][0]
        before, row = rows.loc[place - 1], rows.loc[place]
    except (KeyError, IndexError):
        raise ReportError(f"{record.path}: no step to {stage}/{impl} on {workload}, which TOUR.md quotes") from None
    return f"{ratio(before['median'] / row['median'])} as fast as {before['impl']}"


def with_figures_of(record: Record, text: str) -> str:
    """Return the tour with the figures of a record."""

    def quote(found: re.Match[str]) -> str:
        space, stage, impl, workload = found.groups()
        return f"**{gain(record, stage, impl, workload)}**{space}[{stage}/{impl} on {workload}]"

    return QUOTE.sub(quote, SOURCE.sub(rf"\g<1>{record.path.name}", text))


def rewrite(record: Record, path: Path = TOUR) -> Path:
    """Put the figures of a record into the tour, and draw its diagrams anew; returns its path.

    Raises:
        ReportError: the record lacks a step that is quoted.
        OSError, FileFormatError: the tour cannot be read or written.
    """
    text = with_diagrams(with_figures_of(record, path.read_text("utf-8")))
    with atomic_writer(path) as file:
        file.write(text.encode())
    return path
