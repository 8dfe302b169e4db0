"""`python -m impls encode`: from text to a file of bare ids."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace
from pathlib import Path
from time import perf_counter

from impls.folders import refuse_same_file
from impls.input_options import add_input_options, opened, shown
from impls.jobs.encode_inputs import encode_inputs
from impls.registry import implementations
from impls.storage import atomic_writer
from impls.tokenizer import Tokenizer


def configure(parser: ArgumentParser) -> None:
    """Add the options."""
    encoders = ", ".join(row.name for row in implementations("encode"))
    parser.add_argument("tokenizer", type=Path, help="folder written by train")
    add_input_options(parser)
    parser.add_argument("--out", type=Path, required=True, help="file for the ids, uint16 or uint32, little-endian")
    parser.add_argument("--impl", default="auto", help=f"auto, {encoders}")
    parser.add_argument("--workers", type=int, help="threads; all cores by default")


def run(options: Namespace) -> None:
    """Encode the sources one after the other."""
    tokenizer = Tokenizer.load(options.tokenizer, impl=options.impl)
    inputs, listener = opened(options), shown(options)
    refuse_same_file(options.out, *(place.path for place in inputs.places if place.path))
    started = perf_counter()
    blocks = encode_inputs(
        tokenizer.definition, inputs, impl=options.impl, workers=options.workers, on_progress=listener
    )
    n_ids = n_bytes = 0
    with atomic_writer(options.out) as output:
        for block in blocks:
            output.write(block.ids.data)
            n_ids += len(block.ids)
            n_bytes += len(block.content)
    seconds = perf_counter() - started
    if listener:
        print(
            f"{options.out}: {n_ids} ids ({tokenizer.id_dtype}) of {n_bytes} bytes, {n_bytes / max(n_ids, 1):.3f} "
            f"bytes per id, {n_bytes / 1e6 / seconds:.1f} MB/s"
        )
