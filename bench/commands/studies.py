"""`python -m bench studies`: run the studies and keep a record.

The exit status is 0 if all was measured, and 1 if an output was wrong or a point failed.
"""

from __future__ import annotations

import sys
import tempfile
from argparse import ArgumentParser, Namespace
from pathlib import Path

from bench.options import chosen
from bench.progress import progress
from bench.record import head, write
from bench.studies import STUDIES, load
from bench.studies.study import SCALES, run_study


def configure(parser: ArgumentParser) -> None:
    """Add the options."""
    parser.add_argument("--long", action="store_true", help="up to 1 GB of text and more rounds; takes hours")
    parser.add_argument("--only", metavar="size,calls", help=f"some of: {', '.join(STUDIES)}")
    parser.add_argument("--records", type=Path, help="folder for the record; the folder of this machine by default")


def run(options: Namespace) -> int:
    """Run the chosen studies and write a record."""
    scale = SCALES["long" if options.long else "quick"]
    names = chosen(options.only, STUDIES, "study")
    content = head("studies", options.arguments)
    with tempfile.TemporaryDirectory(prefix="studies-") as folder:
        results = {name: run_study(name, load(name), Path(folder) / name, scale, progress) for name in names}
    progress("")
    errors = [(name, error) for name, result in results.items() for error in result["errors"]]
    for name, error in errors:
        print(f"{name}: {error['series']} at {error['x']}: {error['error']}", file=sys.stderr)
    print(write({**content, "scale": scale.name, "studies": results}, options.records))
    return 1 if errors else 0
