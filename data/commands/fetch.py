"""`python -m data fetch`: download a corpus."""

import sys
from argparse import ArgumentParser, Namespace

from data import catalogue


def configure(parser: ArgumentParser) -> None:
    """Add the options."""
    parser.add_argument("name", metavar="NAME", help="a corpus of the kind download")
    parser.add_argument("--url", metavar="URL", help="a mirror to fetch it from")


def run(options: Namespace) -> None:
    """Print the path of the file; on a terminal, the progress of the download before."""
    print(catalogue.download(options.name, options.url, _show if sys.stderr.isatty() else None))


def _show(have: int, total: int | None) -> None:
    share = f" of {total / 1e6:.1f} MB ({have / total:.0%})" if total else " MB"
    end = "\n" if have == total else ""
    print(f"\r{have / 1e6:.1f}{share}", end=end, file=sys.stderr, flush=True)
