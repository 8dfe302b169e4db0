"""The command line: `python -m bench.studies` runs the studies and keeps a record; `--long` takes larger texts.

Exit status 0 when all was measured, 1 when an output was wrong or a point failed, 2 for bad usage, 130 for an
interrupt.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from bench import proof
from bench.machine import RECORDS, machine_name
from bench.options import chosen
from bench.progress import progress
from bench.studies.studies import STUDIES, studies
from bench.studies.study import SCALES, run_study
from data import DataError
from impls import MergelabError
from impls.command_line import OneLineParser


def build_parser() -> argparse.ArgumentParser:
    """Describe the command line."""
    parser = OneLineParser(prog="python -m bench.studies", description="Measure how the implementations grow.")
    parser.add_argument("--long", action="store_true", help="up to 1 GB of text and more rounds: hours")
    parser.add_argument("--only", metavar="size,calls", help=f"some of: {', '.join(STUDIES)}")
    parser.add_argument("--records", type=Path, help="folder for the record; that of this machine by default")
    return parser


def run(options: argparse.Namespace, arguments: Sequence[str]) -> int:
    """Measure and record; returns the exit status."""
    scale = SCALES["long" if options.long else "quick"]
    names = chosen(options.only, STUDIES, "study")
    head = proof.head("sweeps", arguments)
    with tempfile.TemporaryDirectory(prefix="sweeps-") as folder:
        results = {study.name: run_study(study, scale, progress) for study in studies(names, Path(folder), scale)}
    progress("")
    errors = [(name, error) for name, result in results.items() for error in result["errors"]]
    for name, error in errors:
        print(f"{name}: {error['series']} at {error['x']}: {error['error']}", file=sys.stderr)
    target = options.records or RECORDS / machine_name() / "sweeps"
    print(proof.write_record(target, {**head, "scale": scale.name, "studies": results}))
    return 1 if errors else 0


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line; returns the exit status."""
    arguments = sys.argv[1:] if arguments is None else arguments
    options = build_parser().parse_args(arguments)
    try:
        return run(options, arguments)
    except (MergelabError, DataError, OSError) as error:
        print(f"python -m bench.studies: error: {' '.join(str(error).split())}", file=sys.stderr)
        return getattr(error, "exit_status", 1)
    except KeyboardInterrupt:
        print("python -m bench.studies: error: interrupted; there is no record", file=sys.stderr)
        return 130


if __name__ == "__main__":
    sys.exit(main())
