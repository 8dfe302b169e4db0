"""The command line of the corpora: `python -m data list|make|fetch|verify`.

Results go to standard output, errors to standard error as one line. Exit status: 0 done, 1 failed, 2 bad
usage, 130 interrupted.
"""

import argparse
import re
import sys
from pathlib import Path
from typing import NoReturn

from data import catalogue
from data.errors import DataError

_UNITS = {"": 1, "B": 1, "KB": 10**3, "MB": 10**6, "GB": 10**9, "KIB": 2**10, "MIB": 2**20, "GIB": 2**30}


class _Parser(argparse.ArgumentParser):
    """A parser whose complaints are one line."""

    def error(self, message: str) -> NoReturn:
        _complain(message.replace("\n", " "))
        sys.exit(2)


def _complain(message: object) -> None:
    print(f"data: error: {message}", file=sys.stderr)


def _size(text: str) -> int:
    match = re.fullmatch(r"([0-9]+) ?([A-Za-z]*)", text)
    if not match or match[2].upper() not in _UNITS:
        raise argparse.ArgumentTypeError(f"{text!r} is not a size: write 1000000, 500MB or 1GB")
    return int(match[1]) * _UNITS[match[2].upper()]


def _seed(text: str) -> int:
    if not re.fullmatch(r"[0-9]+", text):
        raise argparse.ArgumentTypeError(f"{text!r} is not a seed: write an integer of at least 0")
    return int(text)


def _parser() -> argparse.ArgumentParser:
    parser = _Parser(prog="data", description="The corpora that the study runs on.", allow_abbrev=False)
    commands = parser.add_subparsers(required=True, metavar="COMMAND", dest="command")

    commands.add_parser("list", help="show all corpora").set_defaults(run=_list)

    make = commands.add_parser("make", help="make or fetch a corpus and print its path", allow_abbrev=False)
    make.add_argument("name", metavar="NAME", help="a corpus of the list, or file:PATH")
    make.add_argument("--bytes", type=_size, metavar="N", help="its size, such as 1000000, 500MB or 1GB")
    make.add_argument("--out", type=Path, metavar="PATH", help="write it there instead of into the cache")
    make.add_argument("--seed", type=_seed, default=0, metavar="N", help="which stories (default: 0)")
    make.set_defaults(run=_make)

    fetch = commands.add_parser("fetch", help="download a corpus and print its path", allow_abbrev=False)
    fetch.add_argument("name", metavar="NAME", help="a corpus of the kind download")
    fetch.add_argument("--url", metavar="URL", help="a mirror to take it from")
    fetch.set_defaults(run=_fetch)

    verify = commands.add_parser("verify", help="check cached corpora against their digests")
    verify.add_argument("names", nargs="*", metavar="NAME", help="what to check (default: all in the cache)")
    verify.set_defaults(run=_verify)
    return parser


def _list(_: argparse.Namespace) -> None:
    for row in catalogue.load().values():
        size = "" if row.bytes is None else f"{row.bytes:,}"
        print(f"{row.name:18} {row.kind:10} {size:>13}  {row.description}")


def _make(arguments: argparse.Namespace) -> None:
    if arguments.out is None:
        print(catalogue.get(arguments.name, arguments.bytes, seed=arguments.seed))
    else:
        catalogue.write(arguments.out, catalogue.chunks(arguments.name, arguments.bytes, seed=arguments.seed))
        print(arguments.out)


def _fetch(arguments: argparse.Namespace) -> None:
    progress = _show if sys.stderr.isatty() else None
    print(catalogue.download(arguments.name, arguments.url, progress))


def _show(have: int, total: int | None) -> None:
    share = f" of {total / 1e6:.1f} MB ({have / total:.0%})" if total else " MB"
    end = "\n" if have == total else ""
    print(f"\r{have / 1e6:.1f}{share}", end=end, file=sys.stderr, flush=True)


def _verify(arguments: argparse.Namespace) -> None:
    checks = []
    for name in arguments.names or catalogue.names():
        found = catalogue.verify(name)
        if arguments.names and not found:
            raise DataError(f"{name}: not in {catalogue.cache_folder()}: make or fetch it first")
        checks += found
    for check in checks:
        print(f"{'FAILED' if check.fault else 'ok':6} {check.sha256}  {check.path}")
    faults = [check for check in checks if check.fault]
    if faults:
        raise DataError(f"{faults[0].path}: {faults[0].fault} ({len(faults)} of {len(checks)} files failed)")


def main(argv: list[str] | None = None) -> int:
    """Run one command and return its exit status; bad usage raises SystemExit(2)."""
    arguments = _parser().parse_args(argv)
    try:
        arguments.run(arguments)
    except KeyboardInterrupt:
        _complain("interrupted: run it again, a download resumes")
        return 130
    except (DataError, OSError) as error:
        _complain(error)
        return error.exit_status if isinstance(error, DataError) else 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
