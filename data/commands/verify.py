"""`python -m data verify`: check cached corpora against their digests."""

from argparse import ArgumentParser, Namespace

from data import catalogue
from data.errors import DataError


def configure(parser: ArgumentParser) -> None:
    """Add the options."""
    parser.add_argument(
        "names", nargs="*", metavar="NAME", help="names of corpora to check (default: all in the cache)"
    )


def run(options: Namespace) -> None:
    """Print a line for each file; if a file is damaged, the command ends with the first fault as its error."""
    checks = []
    for name in options.names or catalogue.names():
        found = catalogue.verify(name)
        if options.names and not found:
            raise DataError(f"{name}: has no file in {catalogue.cache_folder()}; run `python -m data make` first")
        checks += found
    for check in checks:
        print(f"{'FAILED' if check.fault else 'ok':6} {check.sha256}  {check.path}")
    faults = [check for check in checks if check.fault]
    if faults:
        raise DataError(f"{faults[0].path}: {faults[0].fault} ({len(faults)} of {len(checks)} files failed)")
