"""The option that all commands have: a record of the benchmarks."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace
from pathlib import Path

from impls.command_line import tell
from reports.commands import PROGRAM
from reports.evidence import newest_record


def add_record(parser: ArgumentParser, default: str = "the newest whole run of this machine") -> None:
    """Add the record; `default` says in words which one is taken where none is named."""
    parser.add_argument("record", type=Path, nargs="?", help=f"a record of the benchmarks (default: {default})")


def record_of(options: Namespace, folder: Path | None = None) -> Path:
    """Return the record that was named, or the newest of a whole run; one line tells which were passed over.

    Args:
        options: of the command line.
        folder: where to look, see `newest_record`.

    Raises:
        ReportError: no record was named, and there is none.
    """
    if options.record:
        return Path(options.record)
    path, passed = newest_record(folder)
    if passed:
        tell(PROGRAM.name, "note", f"passed over: {'; '.join(passed)}")
    return path
