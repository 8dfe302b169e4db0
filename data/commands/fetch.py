"""`python -m data fetch`: download a corpus."""

import sys
from argparse import ArgumentParser, Namespace

from data import catalogue


def configure(parser: ArgumentParser) -> None:
    """Add the options."""
    parser.add_argument("name", metavar="NAME", help="name of a corpus of the kind download")
    parser.add_argument("--url", metavar="URL", help="fetch it from this mirror instead of the URL in the table")


def run(options: Namespace) -> None:
    """Download the corpus and print the path of its file; a terminal also shows the progress."""
    print(catalogue.download(options.name, options.url, _show if sys.stderr.isatty() else None))


def _show(have: int, total: int | None) -> None:
    share = f" of {total / 1e6:.1f} MB ({have / total:.0%})" if total else " MB"
    end = "\n" if have == total else ""
    print(f"\r{have / 1e6:.1f}{share}", end=end, file=sys.stderr, flush=True)
