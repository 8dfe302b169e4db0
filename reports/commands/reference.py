"""`python -m reports reference`: make the report that is committed, from the newest records of this machine."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace
from pathlib import Path

from bench.record import REFERENCE
from reports.commands.build import write_pages
from reports.commands.options import add_record, record_of
from reports.evidence import load_evidence
from reports.reference import check, keep


def configure(parser: ArgumentParser) -> None:
    """Add the options."""
    add_record(parser)
    parser.add_argument(
        "--out", type=Path, default=REFERENCE.parent, help="folder to write to (default: reports/reference)"
    )


def run(options: Namespace) -> None:
    """Copy the records of all kinds, and write the report from them. If a record is refused, nothing is written."""
    evidence = load_evidence(record_of(options))
    check(evidence)
    write_pages(load_evidence(keep(evidence, options.out / REFERENCE.name)), options.out)
