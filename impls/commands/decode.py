"""`mergelab decode`: from files of ids to text."""

from __future__ import annotations

import sys
from argparse import ArgumentParser, Namespace
from pathlib import Path

EXAMPLES = """
%(prog)s tok corpus.bin                     # print the text
%(prog)s tok corpus.bin --out again.txt
%(prog)s tok llmc-000000.bin llmc-000001.bin --out shards.txt
%(prog)s tok 'llmc-*.bin' --out all.txt     # the files of a pattern, sorted by name
"""


def configure(parser: ArgumentParser) -> None:
    """Add the options."""
    parser.add_argument("tokenizer", type=Path, help="folder written by train")
    parser.add_argument(
        "input",
        nargs="+",
        metavar="input",
        help="files of ids, decoded one after the other: bare, .npy, llm.c or Megatron; or a quoted pattern",
    )
    parser.add_argument("--out", type=Path, help="text file; standard output by default")


def run(options: Namespace) -> None:
    """Decode files."""
    from impls.folders import refuse_same_file
    from impls.ids.files import expand
    from impls.storage import atomic_writer
    from impls.tokenizer import Tokenizer

    tokenizer, paths = Tokenizer.load(options.tokenizer), expand(options.input)
    decoded = [tokenizer.decode_file(path) for path in paths]  # All files are checked before the first is decoded.
    if options.out is None:
        for chunks in decoded:
            sys.stdout.buffer.writelines(chunks)
        return
    refuse_same_file(options.out, *paths)
    with atomic_writer(options.out) as output:
        for chunks in decoded:
            output.writelines(chunks)
