"""`mergelab encode`: from a text file to a file of bare ids."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace
from pathlib import Path
from time import perf_counter

from impls.registry import implementations

EXAMPLES = """
%(prog)s tok corpus.txt --out corpus.bin
"""


def configure(parser: ArgumentParser) -> None:
    """Add the options."""
    encoders = ", ".join(row.name for row in implementations("encode"))
    parser.add_argument("tokenizer", type=Path, help="folder written by train")
    parser.add_argument("input", type=Path, help="file of UTF-8 text to encode")
    parser.add_argument("--out", type=Path, required=True, help="file for the ids, uint16 or uint32, little-endian")
    parser.add_argument("--impl", default="auto", help=f"auto, {encoders}")
    parser.add_argument(
        "--errors",
        default="strict",
        choices=("strict", "replace"),
        help="invalid UTF-8 is an error, or becomes U+FFFD",
    )


def run(options: Namespace) -> None:
    """Encode a file."""
    from impls.inputs.file import TextFile
    from impls.tokenizer import Tokenizer

    tokenizer = Tokenizer.load(options.tokenizer, impl=options.impl)
    n_bytes = TextFile.open(options.input, options.errors).n_bytes
    started = perf_counter()
    n_ids = tokenizer.encode_file(options.input, options.out, errors=options.errors)
    seconds = perf_counter() - started
    print(
        f"{options.out}: {n_ids} ids ({tokenizer.id_dtype}) of {n_bytes} bytes, {n_bytes / max(n_ids, 1):.3f} bytes "
        f"per id, {n_bytes / 1e6 / seconds:.1f} MB/s"
    )
