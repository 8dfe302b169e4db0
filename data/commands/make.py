"""`python -m data make`: make or fetch a corpus."""

import argparse
import re
from pathlib import Path

from data import catalogue
from impls.folders import refuse_same_file

_UNITS = {"": 1, "B": 1, "KB": 10**3, "MB": 10**6, "GB": 10**9, "KIB": 2**10, "MIB": 2**20, "GIB": 2**30}


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the options."""
    parser.add_argument("name", metavar="NAME", help="a name of `python -m data list`, or file:PATH")
    parser.add_argument("--bytes", type=_size, metavar="N", help="size of the text, such as 1000000, 500MB or 1GB")
    parser.add_argument("--out", type=Path, metavar="PATH", help="write the text to this file instead of the cache")
    parser.add_argument(
        "--seed", type=_seed, default=0, metavar="N", help="another seed makes other stories (default: 0)"
    )


def run(options: argparse.Namespace) -> None:
    """Print the path of the file."""
    if options.out is None:
        print(catalogue.get(options.name, options.bytes, seed=options.seed))
    else:
        if options.name.startswith("file:"):
            refuse_same_file(options.out, options.name.removeprefix("file:"))
        catalogue.write(options.out, catalogue.chunks(options.name, options.bytes, seed=options.seed))
        print(options.out)


def _size(text: str) -> int:
    match = re.fullmatch(r"([0-9]+) ?([A-Za-z]*)", text)
    if not match or match[2].upper() not in _UNITS:
        raise argparse.ArgumentTypeError(f"{text!r} is not a size; write 1000000, 500MB or 1GB")
    return int(match[1]) * _UNITS[match[2].upper()]


def _seed(text: str) -> int:
    if not re.fullmatch(r"[0-9]+", text):
        raise argparse.ArgumentTypeError(f"{text!r} is not a seed; write an integer of at least 0")
    return int(text)
