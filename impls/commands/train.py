"""`mergelab train`: from a text file to a folder with a tokenizer."""

from __future__ import annotations

from argparse import ArgumentParser, ArgumentTypeError, Namespace
from itertools import pairwise
from pathlib import Path
from time import perf_counter
from typing import TYPE_CHECKING

from impls.registry import implementations

if TYPE_CHECKING:
    from impls.contract import MergeEvent

EXAMPLES = """
%(prog)s corpus.txt --vocab-size 320 --special-token '<|endoftext|>' --out tok
%(prog)s corpus.txt --vocab-size 400 --pattern o200k --out tok-o200k      # split as GPT-4o does
%(prog)s corpus.txt --vocab-size 400 --pattern 'regex:[a-z]+|[^a-z]' --out tok-own
%(prog)s corpus.txt --sizes 300,350,400 --out sizes                       # sizes/300, sizes/350, sizes/400
%(prog)s corpus.txt --vocab-size 360 --min-frequency 2 --max-token-bytes 16 --out tok-short
%(prog)s corpus.txt --vocab-size 420 --continue tok --out tok-more        # the ids of tok stay
"""


def configure(parser: ArgumentParser) -> None:
    """Add the options."""
    trainers = ", ".join(row.name for row in implementations("train"))
    parser.add_argument("input", type=Path, help="file of UTF-8 text to train on")
    parser.add_argument("--out", type=Path, help="folder for the tokenizer; by default named after input and size")
    parser.add_argument("--force", action="store_true", help="replace the tokenizer that is in the folder")
    parser.add_argument("--impl", default="auto", help=f"auto, {trainers}")
    parser.add_argument("--workers", type=int, help="processes or threads that count; all cores by default")
    parser.add_argument(
        "--errors",
        default="strict",
        choices=("strict", "replace"),
        help="invalid UTF-8 is an error, or becomes U+FFFD",
    )
    parser.add_argument("--verbose", action="store_true", help="print each merge")
    configure_goal(parser)


def configure_goal(parser: ArgumentParser) -> None:
    """Add the options that say what is to be learned."""
    size = parser.add_mutually_exclusive_group(required=True)
    size.add_argument("--vocab-size", type=int, help="256 bytes + merges + special tokens")
    size.add_argument(
        "--sizes", type=increasing, metavar="N,N,...", help="sizes from one training; each goes to its folder OUT/N"
    )
    parser.add_argument(
        "--special-token", action="append", default=[], metavar="TEXT", help="a special token; may be repeated"
    )
    parser.add_argument("--pattern", help="gpt2 (by default), gpt4, o200k, llama3, qwen2 or regex:EXPRESSION")
    parser.add_argument("--tie-break", default="greatest", help="of equally frequent pairs: greatest or huggingface")
    parser.add_argument(
        "--min-frequency", type=int, default=1, metavar="N", help="stop when no pair occurs at least N times"
    )
    parser.add_argument(
        "--max-token-bytes", type=int, metavar="N", help="never merge a pair that makes a token of more than N bytes"
    )
    parser.add_argument(
        "--continue",
        dest="base",
        type=Path,
        metavar="TOKENIZER",
        help="begin with the tokens of this tokenizer; they keep their ids",
    )


def increasing(text: str) -> list[int]:
    """Return the numbers of a list such as "8000,16000".

    Raises:
        ArgumentTypeError: an item is not a whole number, or is not larger than the item before it.
    """
    try:
        sizes = [int(item) for item in text.split(",")]
    except ValueError:
        raise ArgumentTypeError(f"{text!r} is not a list of whole numbers; write for example 8000,16000") from None
    for before, after in pairwise(sizes):
        if after <= before:
            raise ArgumentTypeError(f"{after} is not larger than {before} before it; give increasing sizes")
    return sizes


def outputs(options: Namespace) -> dict[Path, int]:
    """Return the folders to write, each with the size of its vocabulary, in increasing order."""
    if options.sizes is None:
        return {options.out: options.vocab_size}
    return {options.out / str(size): size for size in options.sizes}


def print_merge(event: MergeEvent) -> None:
    """Print one line of the verbose stream."""
    print(
        f"merge {event.index + 1}: {event.pair} -> {event.new_id} {event.token!r} "
        f"count {event.count} in {event.seconds * 1e3:.3f} ms"
    )


def run(options: Namespace) -> None:
    """Train and save."""
    from impls.formats import mergelab, recognise
    from impls.formats.names import default_output
    from impls.learning import Goal
    from impls.pipeline import train
    from impls.saving import check_output, told
    from impls.surgery.prune import prune

    options.out = options.out or default_output([options.input], options.vocab_size or options.sizes[-1])
    folders = outputs(options)
    for out in folders:
        check_output(out, options.force, options.input, *([options.base] if options.base else []))
    base = recognise(options.base).load().read(options.base) if options.base else None
    Goal(min(folders.values()), options.special_token, options.pattern, base=base)  # Checks the smallest size.
    started = perf_counter()
    trained = train(
        options.input,
        max(folders.values()),
        options.special_token,
        pattern=options.pattern,
        impl=options.impl,
        workers=options.workers,
        tie_break=options.tie_break,
        min_frequency=options.min_frequency,
        max_token_bytes=options.max_token_bytes,
        base=base,
        errors=options.errors,
        on_merge=print_merge if options.verbose else None,
    )
    for out, size in folders.items():
        definition = prune(trained, size, first_id=base.n_ids if base else 0).definition
        mergelab.write(out, definition)
        print(f"{told(out, definition)} in {perf_counter() - started:.2f} s")
