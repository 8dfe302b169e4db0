"""`python -m bench peers`: measure against other tokenizers, print a table, keep a record.

The exit status is 0 if everything was measured, even if a bar was not reached. It is 1 if two outputs differ or a
side fails.
"""

from __future__ import annotations

import tempfile
from argparse import ArgumentParser, Namespace
from pathlib import Path

from bench.options import chosen
from bench.peers.inputs import PeerInputs
from bench.peers.measurement import MEGABYTE
from bench.peers.measurements import MEASUREMENTS
from bench.peers.record import content
from bench.peers.render import table
from bench.peers.runner import measure
from bench.progress import progress
from bench.record import write
from data import DataError
from data.catalogue import cache_folder, find
from impls import UsageError
from impls.arguments import check_count
from impls.inputs.file import TextFile

GENERATED_BYTES = 64 * MEGABYTE
"""Size of the text of a corpus that has no size of its own."""

VOCAB_SIZE, GENERATED_VOCAB_SIZE = 32_000, 10_000
"""A generated corpus has too few pairs for the larger size, and trainers differ in what they do without pairs."""


def configure(parser: ArgumentParser) -> None:
    """Add the options."""
    parser.add_argument("--corpus", default="stories", help="a name of `python -m data list`, or file:PATH")
    parser.add_argument("--bytes", type=float, help="size of the text (default: 64e6 if generated, else all)")
    parser.add_argument("--large-bytes", type=float, default=1e9, help="text of P.4 (at most 512e6), P.8, P.10")
    parser.add_argument(
        "--vocab-size",
        type=int,
        help=f"256 bytes + merges + one special token; {VOCAB_SIZE}, for a generated corpus {GENERATED_VOCAB_SIZE}",
    )
    parser.add_argument(
        "--vocab", type=Path, help="encode with this vocab.json instead of a vocabulary of the corpus"
    )
    parser.add_argument("--merges", type=Path, help="the merges.txt of --vocab")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--only", metavar="P.1,P.4", help="only these measurements")
    parser.add_argument("--records", type=Path, help="folder for the record; the folder of this machine by default")


def prepare(options: Namespace, folder: Path) -> PeerInputs:
    """Check the options, and return the text and vocabulary to measure on.

    Raises:
        UsageError, FileFormatError: an option is wrong.
    """
    check_count("--rounds", options.rounds, 1)
    if (options.vocab is None) != (options.merges is None):
        raise UsageError("--vocab, --merges: only one of the two is given; give both, or neither")
    generated = find(options.corpus).kind == "generated"
    usual = (GENERATED_BYTES, GENERATED_VOCAB_SIZE) if generated else (None, VOCAB_SIZE)
    inputs = PeerInputs(
        options.corpus,
        int(options.bytes) if options.bytes else usual[0],
        check_count("--vocab-size", usual[1] if options.vocab_size is None else options.vocab_size, 300),
        check_count("--large-bytes", int(options.large_bytes), 2 * MEGABYTE),
        folder,
        (options.vocab.absolute(), options.merges.absolute()) if options.vocab else None,
    )
    try:
        TextFile.open(inputs.path)
    except DataError as error:
        raise UsageError(f"--corpus, --bytes: {error}") from None
    return inputs


def run(options: Namespace) -> int:
    """Measure, print the table, and write a record."""
    ids = chosen(options.only, MEASUREMENTS, "measurement")
    cache_folder().mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="peers-", dir=cache_folder()) as folder:
        inputs = prepare(options, Path(folder))
        results = [measure(name, MEASUREMENTS[name], inputs, options.rounds, progress) for name in ids]
        progress("")
        print(table(results))
        print(f"\n{write(content(results, inputs, options.arguments), options.records)}")
    return 1 if any(result.error for result in results) else 0
