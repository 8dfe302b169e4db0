"""`mergelab encode`: from text to files of ids."""

from __future__ import annotations

import json
from argparse import ArgumentParser, Namespace
from pathlib import Path
from time import perf_counter
from typing import Any

from impls.ids import FORMATS, NAMES
from impls.input_options import add_input_options, opened, shown
from impls.registry import implementations

EXAMPLES = """
%(prog)s tok corpus.txt --out corpus.bin                  # bare ids, as nanoGPT reads them
%(prog)s tok corpus.txt --out corpus.npy                  # for numpy.load
%(prog)s tok corpus.txt --out llmc.bin --format llmc --shard-tokens 1000
%(prog)s tok corpus.txt --out indexed.idx                 # indexed.bin and indexed.idx for Megatron-LM
%(prog)s tok corpus.txt --out split.bin --validation 0.3  # split-train.bin and split-val.bin
%(prog)s tok corpus.txt --out plain.bin --special none --workers 2 --json
%(prog)s tok corpus.txt --separator '<|endoftext|>' --boundary '<|endoftext|>' --limit-documents 100 --out first.bin
"""


def configure(parser: ArgumentParser) -> None:
    """Add the options."""
    encoders = ", ".join(row.name for row in implementations("encode"))
    formats = "; ".join(f"{row.name}: {row.what}" for row in FORMATS)
    parser.add_argument("tokenizer", type=Path, help="folder written by train")
    add_input_options(parser)
    parser.add_argument("--out", type=Path, required=True, help="file for the ids; OUT.json, beside it, describes it")
    parser.add_argument("--force", action="store_true", help="replace ids that mergelab wrote")
    parser.add_argument("--format", choices=NAMES, help=f"by default, the suffix of OUT decides. {formats}")
    parser.add_argument("--shard-tokens", type=int, metavar="N", help="write OUT-000000 and so on, N ids per file")
    parser.add_argument(
        "--validation",
        type=float,
        default=0.0,
        metavar="SHARE",
        help="split documents into OUT-train and OUT-val",
    )
    parser.add_argument("--seed", type=int, default=0, help="another seed splits the documents in another way")
    parser.add_argument(
        "--document-end",
        metavar="TOKEN",
        help="special token after which a document ends; <|endoftext|> or the first special token by default",
    )
    parser.add_argument(
        "--special",
        default="all",
        choices=("all", "none", "none_raise"),
        help="special tokens in the text become their ids, are ordinary text, or are an error",
    )
    parser.add_argument("--impl", default="auto", help=f"auto, {encoders}")
    parser.add_argument("--workers", type=int, help="threads; all cores by default")
    parser.add_argument("--json", action="store_true", help="print what was written as JSON")


def run(options: Namespace) -> None:
    """Encode the sources one after the other."""
    from impls.inputs.held_out import HeldOut
    from impls.jobs.ids import Order, encode_sources
    from impls.tokenizer import Tokenizer

    order = Order(
        options.out,
        format=options.format,
        special=options.special,
        workers=options.workers,
        document_end=options.document_end,
        held_out=HeldOut(options.validation, options.seed),
        shard_ids=options.shard_tokens,
        force=options.force,
        command=options.arguments,
    )
    started = perf_counter()
    tokenizer = Tokenizer.load(options.tokenizer, impl=options.impl)
    loaded = perf_counter()
    listener = None if options.json else shown(options)
    written = encode_sources(tokenizer, opened(options), order, impl=options.impl, on_progress=listener)
    seconds = {"load": loaded - started, "encode": perf_counter() - loaded}
    if options.json:
        print(json.dumps({"files": [{"path": str(path), **facts} for path, facts in written], "seconds": seconds}))
        return
    if options.quiet:
        return
    for path, facts in written:
        print(told(path, facts))
    n_bytes = written[0][1]["source"]["bytes"]
    print(f"{n_bytes} bytes in {seconds['encode']:.2f} s, {n_bytes / 1e6 / seconds['encode']:.1f} MB/s")


def told(path: Path, facts: dict[str, Any]) -> str:
    """Return the line about one file."""
    return (
        f"{path}: {facts['ids']} ids ({facts['dtype']}) of {facts['bytes']} bytes, "
        f"{facts['bytes'] / max(facts['ids'], 1):.3f} bytes per id, documents: {facts['documents']}"
    )
