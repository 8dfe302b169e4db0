"""`mergelab decode`: from a file of ids to text."""

from __future__ import annotations

import sys
from argparse import ArgumentParser, Namespace
from pathlib import Path

EXAMPLES = """
%(prog)s tok corpus.bin                     # print the text
%(prog)s tok corpus.bin --out again.txt
"""


def configure(parser: ArgumentParser) -> None:
    """Add the options."""
    parser.add_argument("tokenizer", type=Path, help="folder written by train")
    parser.add_argument("input", type=Path, help="file of ids written by encode")
    parser.add_argument("--out", type=Path, help="text file; standard output by default")


def run(options: Namespace) -> None:
    """Decode a file."""
    from impls.folders import refuse_same_file
    from impls.storage import atomic_writer
    from impls.tokenizer import Tokenizer

    chunks = Tokenizer.load(options.tokenizer).decode_file(options.input)
    if options.out is None:
        for chunk in chunks:
            sys.stdout.buffer.write(chunk)
        return
    refuse_same_file(options.out, options.input)
    with atomic_writer(options.out) as output:
        for chunk in chunks:
            output.write(chunk)
