"""Where a command shows what it found: on the terminal, as JSON, or in an HTML page."""

from __future__ import annotations

import json
import os
import sys
from argparse import ArgumentParser, Namespace
from collections.abc import Sequence
from io import TextIOWrapper
from pathlib import Path

from impls.errors import FileFormatError
from impls.folders import refuse_same_file
from impls.inspection.blocks import Block
from impls.inspection.pages.html import MARK, page
from impls.inspection.pages.plain import plain
from impls.inspection.pages.terminal import lines
from impls.storage import atomic_writer

HEAD_BYTES = 200
"""Bytes at the beginning of a page in which our mark stands."""


def add_output(parser: ArgumentParser) -> None:
    """Add the options."""
    parser.add_argument("--json", action="store_true", help="print JSON")
    parser.add_argument("--html", type=Path, metavar="OUT", help="write an HTML page that needs no network")
    parser.add_argument("--force", action="store_true", help="replace a page that mergelab wrote")


def check_output(options: Namespace, *inputs: Path) -> None:
    """Check, before the work, that the page can be written.

    Raises:
        FileFormatError: the page is an input or exists, or its folder is missing.
    """
    path: Path | None = options.html
    if path is None:
        return
    refuse_same_file(path, *inputs)
    if not path.parent.is_dir():
        raise FileFormatError(f"{path}: there is no folder {path.parent}; make it, or give another --html")
    if path.exists() or path.is_symlink():
        if not _is_ours(path):
            raise FileFormatError(f"{path}: exists, and mergelab did not write it; give another --html")
        if not options.force:
            raise FileFormatError(f"{path}: exists; give another --html, or --force to replace it")


def _is_ours(path: Path) -> bool:
    try:
        if path.is_symlink() or not path.is_file():
            return False
        with path.open("rb") as file:
            return MARK.encode() in file.read(HEAD_BYTES)
    except OSError as error:
        raise FileFormatError(f"{path}: {error.strerror}; give another --html") from None


def show(title: str, figures: object, blocks: Sequence[Block], options: Namespace) -> None:
    """Write the page if one is wanted; print JSON if it is wanted, or else the blocks, if no page is wanted."""
    if options.html is not None:
        with atomic_writer(options.html) as file:
            file.write(page(title, blocks, "Made by mergelab.").encode())
    # A terminal that cannot show a character shows its escape.
    if isinstance(sys.stdout, TextIOWrapper):
        sys.stdout.reconfigure(errors="backslashreplace")
    if options.json:
        print(json.dumps(plain(figures)))
    elif options.html is not None:
        print(f"{options.html}: written")
    else:
        for line in lines(blocks, _wants_colour()):
            print(line)


def _wants_colour() -> bool:
    """Tell whether standard output is a terminal with colours; see https://no-color.org."""
    return sys.stdout.isatty() and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"
