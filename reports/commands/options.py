"""The option that all commands have: a record of the benchmarks."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace
from pathlib import Path

from reports.evidence import newest_record


def add_record(parser: ArgumentParser) -> None:
    """Add the record."""
    parser.add_argument("record", type=Path, nargs="?", help="a record of the benchmarks; the newest by default")


def record_of(options: Namespace) -> Path:
    """Return the record.

    Raises:
        ReportError: no record was named, and there is no record.
    """
    return options.record or newest_record()
