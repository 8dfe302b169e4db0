"""`python -m reports measurements`: write the times from which impl="auto" decides."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace
from pathlib import Path

from impls.command_line import tell
from reports.commands import PROGRAM
from reports.commands.options import add_record, record_of
from reports.evidence import load_evidence
from reports.measurements import write_measurements


def configure(parser: ArgumentParser) -> None:
    """Add the options."""
    add_record(parser)
    parser.add_argument("--out", type=Path, help="file to write (default: measurements.json in the cache)")


def run(options: Namespace) -> None:
    """Write the file and print its path; also print a line for each record that cannot be used."""
    evidence = load_evidence(record_of(options), ["studies"])
    for problem in evidence.problems:
        tell(PROGRAM.name, "error", problem)
    if evidence.passed_over:
        tell(PROGRAM.name, "note", f"passed over: {'; '.join(evidence.passed_over)}")
    print(write_measurements(evidence, options.out))
