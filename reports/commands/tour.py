"""`python -m reports tour`: write the figures and diagrams of TOUR.md."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace

from bench.record import REFERENCE
from reports.commands.options import add_record, record_of
from reports.records import load_record
from reports.tour import TOUR, check_steps, rewrite


def configure(parser: ArgumentParser) -> None:
    """Add the options."""
    add_record(parser, "the newest record of the reference")


def run(options: Namespace) -> None:
    """Write the tour and print its path; if the tour lacks an implementation, end with an error."""
    print(rewrite(load_record(record_of(options, REFERENCE)), TOUR))
    check_steps(TOUR)
