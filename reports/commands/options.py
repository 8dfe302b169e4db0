"""The option that all commands have: a record of the benchmarks."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace
from pathlib import Path

from reports.evidence import newest_record


def add_record(parser: ArgumentParser) -> None:
    """Add the argument that names a record."""
    parser.add_argument("record", type=Path, nargs="?", help="a record of the benchmarks; the newest by default")


def record_of(options: Namespace) -> Path:
    """Return the path of the record that the options name, by default of the newest record.

    Raises:
        ReportError: no record was named, and there is no record.
    """
    return options.record or newest_record()
