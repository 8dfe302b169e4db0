"""`python -m lm train`: train a model on text, or go on with an interrupted run."""

from __future__ import annotations

import os
import signal
import sys
from argparse import ArgumentParser, Namespace
from pathlib import Path

from impls.command_line import tell
from lm.commands import PROGRAM
from lm.commands.options import add_config, read_config


def configure(parser: ArgumentParser) -> None:
    """Add the options."""
    add_config(parser)
    parser.add_argument("--out", type=Path, metavar="FOLDER", help="folder of the run; runs/NAME by default")
    parser.add_argument("--resume", type=Path, metavar="FOLDER", help="go on with the run in this folder")


def run(options: Namespace) -> int:
    """Train; if the run is interrupted, print how to resume it."""
    first = int(os.environ.get("LOCAL_RANK", 0)) == 0
    folder, caught = _resume(options) if options.resume else _start(options, first)
    if not caught:
        return 0
    if first:
        name = signal.Signals(caught).name
        told = f"interrupted by {name} after a whole step; go on with {PROGRAM.name} train --resume {folder}"
        tell(PROGRAM.name, "error", told)
    return 128 + caught


def _start(options: Namespace, first: bool) -> tuple[Path, int]:
    """Begin a run; return its folder, and the number of the signal that ended it, or 0."""
    from impls.folders import refuse_same_file
    from lm.run_folder import check_start
    from lm.shards import tokenize
    from lm.train import train

    config = read_config(options)
    folder = options.out or Path("runs") / config.name
    if first:
        check_start(config, folder)
        refuse_same_file(folder / "config.yaml", options.config)
        tokenize(config, lambda line: print(line, file=sys.stderr))
    return folder, train(config, folder)


def _resume(options: Namespace) -> tuple[Path, int]:
    """Go on with a run; return its folder, and the number of the signal that ended it, or 0."""
    from lm.checkpoint import latest
    from lm.train import train

    latest(options.resume)
    config = read_config(options, options.resume / "config.yaml")
    return options.resume, train(config, options.resume, resume=True)
