"""The option that all commands have: a record of the benchmarks."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace
from pathlib import Path

from impls.command_line import tell
from reports.commands import PROGRAM
from reports.evidence import newest_record


def add_record(parser: ArgumentParser, default: str = "the newest whole run of this machine") -> None:
    """Add the argument that names a record; `default` says in words which record is taken if none is named."""
    parser.add_argument("record", type=Path, nargs="?", help=f"a record of the benchmarks (default: {default})")


def record_of(options: Namespace, folder: Path | None = None) -> Path:
    """Return the path of the record that the options name, by default of the newest record of a whole run.

    One line tells which newer records were passed over.

    Args:
        options: the options of the command.
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
