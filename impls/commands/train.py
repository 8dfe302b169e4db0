"""`python -m impls train`: from text, or from counts, to a folder with a tokenizer."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace
from pathlib import Path

from impls.contract import TIE_BREAKS, MergeEvent
from impls.counting import Counted
from impls.counts import read_counts
from impls.errors import FileFormatError, UsageError
from impls.folders import refuse_same_file
from impls.formats import mergelab
from impls.input_options import add_input_options, opened
from impls.inputs.collection import Inputs
from impls.patterns import CUSTOM, PATTERNS
from impls.pipeline import train
from impls.registry import implementations
from impls.stage_times import StageTimes


def configure(parser: ArgumentParser) -> None:
    """Add the options."""
    trainers = ", ".join(row.name for row in implementations("train"))
    add_input_options(parser, "*")
    parser.add_argument("--from-counts", type=Path, metavar="FILE", help="begin with counts of the command count")
    parser.add_argument("--vocab-size", type=int, required=True, help="256 bytes + merges + special tokens")
    parser.add_argument(
        "--special-token", action="append", default=[], metavar="TEXT", help="a special token; may be repeated"
    )
    parser.add_argument("--out", type=Path, required=True, help="folder for vocab.json, merges.txt, mergelab.json")
    parser.add_argument("--force", action="store_true", help="replace the tokenizer that is in the folder")
    parser.add_argument("--pattern", help=f"{', '.join(PATTERNS)} or {CUSTOM}EXPRESSION; gpt2 by default")
    parser.add_argument("--impl", default="auto", help=f"auto, {trainers}")
    parser.add_argument("--workers", type=int, help="processes or threads that count; all cores by default")
    parser.add_argument("--tie-break", default="greatest", choices=TIE_BREAKS)
    parser.add_argument("--verbose", action="store_true", help="print each merge, and the time of each stage")


def print_merge(event: MergeEvent) -> None:
    """Print one line of the verbose stream."""
    print(
        f"merge {event.index + 1}: {event.pair} -> {event.new_id} {event.token!r} "
        f"count {event.count} in {event.seconds * 1e3:.3f} ms"
    )


def run(options: Namespace) -> None:
    """Train and save."""
    if options.out.exists() and not options.out.is_dir():
        raise FileFormatError(f"{options.out}: exists and is not a folder; give another --out")
    if mergelab.recognise(options.out) and not options.force:
        raise FileFormatError(f"{options.out}: holds a tokenizer; give another --out, or --force to replace it")
    mergelab.check_replaceable(options.out)
    times = StageTimes(options.quiet)
    source = source_of(options)
    for name in mergelab.FILES:
        refuse_same_file(options.out / name, *paths_of(source), *filter(None, [options.from_counts]))
    trained = train(
        source,
        options.vocab_size,
        options.special_token,
        pattern=options.pattern or "gpt2",
        impl=options.impl,
        workers=options.workers,
        tie_break=options.tie_break,
        errors=options.errors,
        on_merge=times.on_merge(print_merge) if options.verbose else None,
        on_progress=times.on_progress,
    )
    mergelab.write(options.out, trained)
    times.mark("saving")
    if options.verbose:
        print(times.told())
    if not options.quiet:
        print(
            f"{options.out}: {len(trained.vocab)} tokens ({len(trained.merges)} merges, "
            f"{len(trained.special_tokens)} special) in {times.total:.2f} s"
        )


def source_of(options: Namespace) -> Inputs | Counted:
    """Return the text or the counts to train on.

    Raises:
        UsageError: neither is given, or both.
        FileFormatError: a file is missing or damaged.
    """
    if bool(options.input) == bool(options.from_counts):
        raise UsageError("input: give either text to train on, or --from-counts with a file of counts")
    return read_counts(options.from_counts) if options.from_counts else opened(options)


def paths_of(source: Inputs | Counted) -> list[Path]:
    """Return the local files of a source."""
    return [place.path for place in source.places if place.path] if isinstance(source, Inputs) else []
