"""`python -m impls train`: from a text file to a folder with a tokenizer."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace
from pathlib import Path
from time import perf_counter

from impls.contract import TIE_BREAKS, MergeEvent
from impls.errors import FileFormatError
from impls.folders import refuse_same_file
from impls.formats import mergelab
from impls.formats.names import default_output
from impls.patterns import CUSTOM, PATTERNS
from impls.pipeline import train
from impls.registry import implementations


def configure(parser: ArgumentParser) -> None:
    """Add the options."""
    trainers = ", ".join(row.name for row in implementations("train"))
    parser.add_argument("input", type=Path, help="file of UTF-8 text to train on")
    parser.add_argument("--vocab-size", type=int, required=True, help="256 bytes + merges + special tokens")
    parser.add_argument(
        "--special-token", action="append", default=[], metavar="TEXT", help="a special token; may be repeated"
    )
    parser.add_argument("--out", type=Path, help="folder for the tokenizer; by default named after input and size")
    parser.add_argument("--force", action="store_true", help="replace the tokenizer that is in the folder")
    parser.add_argument("--pattern", default="gpt2", help=f"{', '.join(PATTERNS)} or {CUSTOM}EXPRESSION")
    parser.add_argument("--impl", default="auto", help=f"auto, {trainers}")
    parser.add_argument("--workers", type=int, help="processes or threads that count; all cores by default")
    parser.add_argument("--tie-break", default="greatest", choices=TIE_BREAKS)
    parser.add_argument(
        "--errors",
        default="strict",
        choices=("strict", "replace"),
        help="invalid UTF-8 is an error, or becomes U+FFFD",
    )
    parser.add_argument("--verbose", action="store_true", help="print each merge")


def print_merge(event: MergeEvent) -> None:
    """Print one line of the verbose stream."""
    print(
        f"merge {event.index + 1}: {event.pair} -> {event.new_id} {event.token!r} "
        f"count {event.count} in {event.seconds * 1e3:.3f} ms"
    )


def run(options: Namespace) -> None:
    """Train and save."""
    options.out = options.out or default_output([options.input], options.vocab_size)
    if options.out.exists() and not options.out.is_dir():
        raise FileFormatError(f"{options.out}: exists and is not a folder; give another --out")
    if mergelab.recognise(options.out) and not options.force:
        raise FileFormatError(f"{options.out}: holds a tokenizer; give another --out, or --force to replace it")
    mergelab.check_replaceable(options.out)
    for name in mergelab.FILES:
        refuse_same_file(options.out / name, options.input)
    started = perf_counter()
    trained = train(
        options.input,
        options.vocab_size,
        options.special_token,
        pattern=options.pattern,
        impl=options.impl,
        workers=options.workers,
        tie_break=options.tie_break,
        errors=options.errors,
        on_merge=print_merge if options.verbose else None,
    )
    mergelab.write(options.out, trained)
    print(
        f"{options.out}: {len(trained.vocab)} tokens ({len(trained.merges)} merges, "
        f"{len(trained.special_tokens)} special) in {perf_counter() - started:.2f} s"
    )
