"""`python -m data list`: print the table of corpora."""

from argparse import ArgumentParser, Namespace

from data import catalogue


def configure(parser: ArgumentParser) -> None:
    """There are no options."""
    del parser


def run(options: Namespace) -> None:
    """Print a line for each corpus: name, kind, bytes, description."""
    del options
    for row in catalogue.load().values():
        size = "" if row.bytes is None else f"{row.bytes:,}"
        print(f"{row.name:18} {row.kind:10} {size:>13}  {row.description}")
