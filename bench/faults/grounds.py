"""Prepares each kind of work in a folder, and does it once without a fault."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path

from bench import record
from bench.faults.server import serving
from bench.faults.work import Ground, Work, environment_for, undisturbed
from bench.faults.works import FETCHED, make_base, make_tokenizers, works
from data import catalogue
from impls.errors import MergelabError

Skipped = list[dict[str, str]]
"""A row per work that was left out: `work` and `reason`."""


@contextmanager
def grounds(folder: Path, only: Sequence[str], say: Callable[[str], None]) -> Iterator[tuple[list[Ground], Skipped]]:
    """Prepare all kinds of work; a server for downloads runs until the block ends.

    Args:
        folder: the folder to fill with the files of the work.
        only: names of the kinds of work to prepare; all by default.
        say: called with a line of text about each kind of work.

    Raises:
        MergelabError: a name of `only` is unknown, or some work fails without a fault.
    """
    make_base(folder / "base")
    make_tokenizers(folder / "base")
    size = catalogue.find(FETCHED).bytes or 0
    with serving((b"Once upon a time.\n" * (size // 18 + 1))[:size]) as url:
        rows = _chosen(works(url, _record()), only)
        missing = {
            row.name: f"{row.package} is not installed" for row in rows if row.package and not find_spec(row.package)
        }
        ready = [_ready(row, folder, say) for row in rows if row.name not in missing]
        yield ready, [{"work": name, "reason": reason} for name, reason in missing.items()]


def _chosen(rows: list[Work], only: Sequence[str]) -> list[Work]:
    names = [row.name for row in rows]
    for name in only:
        if name not in names:
            raise MergelabError(f"{name}: no such kind of work; choose some of {', '.join(names)}")
    return [row for row in rows if not only or row.name in only]


def _ready(work: Work, folder: Path, say: Callable[[str], None]) -> Ground:
    place = folder / work.name.replace(" ", "-")
    shutil.copytree(folder / "base", place / "base")
    ground = undisturbed(work, place / "base", place / "whole", environment_for())
    say(f"{work.name}: undisturbed in {ground.seconds:.1f} s, {len(ground.changes)} changes of files")
    return ground


def _record() -> Path | None:
    """Return the newest record of the benchmarks in the reference; None if there is no record."""
    found = record.paths(record.REFERENCE, "bench")
    return found[-1] if found else None
