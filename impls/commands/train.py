"""`mergelab train`: from text, or from counts, to a folder with a tokenizer."""

from __future__ import annotations

from argparse import ArgumentParser, ArgumentTypeError, Namespace
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING

from impls.errors import UsageError
from impls.input_options import add_input_options, opened
from impls.registry import implementations

if TYPE_CHECKING:
    from impls.contract import MergeEvent
    from impls.counting import Counted
    from impls.definition import Definition
    from impls.inputs.collection import Inputs

EXAMPLES = """
%(prog)s corpus.txt --vocab-size 320 --special-token '<|endoftext|>' --out tok
%(prog)s corpus.txt --vocab-size 400 --pattern o200k --out tok-o200k      # split as GPT-4o does
%(prog)s corpus.txt --vocab-size 400 --pattern 'regex:[a-z]+|[^a-z]' --out tok-own
%(prog)s corpus.txt --sizes 300,350,400 --out sizes                       # sizes/300, sizes/350, sizes/400
%(prog)s corpus.txt --vocab-size 360 --min-frequency 2 --max-token-bytes 16 --out tok-short
%(prog)s corpus.txt --vocab-size 420 --continue tok --out tok-more        # the ids of tok stay
%(prog)s --from-counts counts.parquet --vocab-size 300 --out tok-counted  # counts of `mergelab count`
"""


def configure(parser: ArgumentParser) -> None:
    """Add the options."""
    trainers = ", ".join(row.name for row in implementations("train"))
    add_input_options(parser, "*")
    parser.add_argument("--from-counts", type=Path, metavar="FILE", help="begin with counts of the command count")
    parser.add_argument("--out", type=Path, help="folder for the tokenizer; by default named after input and size")
    parser.add_argument("--force", action="store_true", help="replace the tokenizer that is in the folder")
    parser.add_argument("--impl", default="auto", help=f"auto, {trainers}")
    parser.add_argument("--workers", type=int, help="processes or threads that count; all cores by default")
    parser.add_argument("--verbose", action="store_true", help="print each merge, and the time of each stage")
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
    from impls.pipeline import train
    from impls.saving import check_output, told
    from impls.stage_times import StageTimes
    from impls.surgery.prune import prune

    times = StageTimes(options.quiet)
    source = source_of(options)
    given = [options.from_counts] if options.from_counts else options.input
    options.out = options.out or default_output(given, options.vocab_size or options.sizes[-1])
    folders = outputs(options)
    for out in folders:
        check_output(out, options.force, *paths_of(source), *filter(None, [options.from_counts, options.base]))
    base = recognise(options.base).load().read(options.base) if options.base else None
    check_smallest(options, source, min(folders.values()), base)
    trained = train(
        source,
        max(folders.values()),
        options.special_token,
        pattern=options.pattern,
        impl=options.impl,
        workers=options.workers,
        tie_break=options.tie_break,
        min_frequency=options.min_frequency,
        max_token_bytes=options.max_token_bytes,
        base=base,
        on_merge=times.on_merge(print_merge) if options.verbose else None,
        on_progress=times.on_progress,
    )
    saved = []
    for out, size in folders.items():
        definition = prune(trained, size, first_id=base.n_ids if base else 0).definition
        mergelab.write(out, definition)
        saved.append(told(out, definition))
    times.mark("saving")
    if options.verbose:
        print(times.told())
    if not options.quiet:
        print("\n".join(f"{line} in {times.total:.2f} s" for line in saved))


def check_smallest(options: Namespace, source: Inputs | Counted, size: int, base: Definition | None) -> None:
    """Check the smallest vocabulary that is asked for, before the text is counted.

    Raises:
        UsageError: an option is wrong, or the vocabulary is too small.
    """
    from impls.counting import Counted
    from impls.learning import Goal

    specials = source.special_tokens if isinstance(source, Counted) else options.special_token
    Goal(size, specials, options.pattern, base=base)


def source_of(options: Namespace) -> Inputs | Counted:
    """Return the text or the counts to train on.

    Raises:
        UsageError: neither is given, or both.
        FileFormatError: a file is missing or damaged.
    """
    from impls.counts import read_counts

    if bool(options.input) == bool(options.from_counts):
        raise UsageError("input: give either text to train on, or --from-counts with a file of counts")
    return read_counts(options.from_counts) if options.from_counts else opened(options)


def paths_of(source: Inputs | Counted) -> list[Path]:
    """Return the local files of a source."""
    from impls.inputs.collection import Inputs

    return [place.path for place in source.places if place.path] if isinstance(source, Inputs) else []
