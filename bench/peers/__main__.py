"""The command line: `python -m bench.peers --corpus file:PATH` prints P.1 to P.13 and keeps a record.

Exit status 0 when everything was measured, reached or not; 1 when an output differs or a side fails; 2 for bad usage;
130 for an interrupt.
"""

from __future__ import annotations

import argparse
import signal
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from bench.options import chosen
from bench.peers.inputs import Inputs
from bench.peers.measurements import MEASUREMENTS, MEGABYTE
from bench.peers.record import default_folder, write_record
from bench.peers.render import table
from bench.peers.runner import measure
from bench.progress import progress
from data import DataError
from data.catalogue import cache_folder, find
from impls import MergelabError, UsageError
from impls.arguments import check_count
from impls.command_line import OneLineParser
from impls.inputs.file import TextFile

GENERATED_BYTES = 64 * MEGABYTE
"""How much is made of a corpus that has no size of its own."""

VOCAB_SIZE, GENERATED_VOCAB_SIZE = 32_000, 10_000
"""A generated corpus runs out of pairs before the larger one, where the rules of trainers differ."""


def build_parser() -> argparse.ArgumentParser:
    """Describe the command line."""
    parser = OneLineParser(
        prog="python -m bench.peers", description="Measure training and encoding against other tokenizers."
    )
    parser.add_argument("--corpus", default="stories", help="a name of `python -m data list`, or file:PATH")
    parser.add_argument("--bytes", type=float, help="how much of the corpus; 64e6 of a generated one, else all")
    parser.add_argument("--large-bytes", type=float, default=1e9, help="the size for P.4 (at most 512e6), P.8, P.10")
    parser.add_argument(
        "--vocab-size",
        type=int,
        help=f"256 bytes + merges + one special token; {VOCAB_SIZE}, for a generated corpus {GENERATED_VOCAB_SIZE}",
    )
    parser.add_argument(
        "--vocab", type=Path, help="encode with this vocab.json instead of a vocabulary of the corpus"
    )
    parser.add_argument("--merges", type=Path, help="and with this merges.txt")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--only", metavar="P.1,P.4", help="measure these alone")
    parser.add_argument("--records", type=Path, help="folder for the record; that of this machine by default")
    return parser


def prepare(options: argparse.Namespace, folder: Path) -> Inputs:
    """Check the options and return the inputs.

    Raises:
        UsageError, DataError, FileFormatError: an option is wrong.
    """
    check_count("--rounds", options.rounds, 1)
    if (options.vocab is None) != (options.merges is None):
        raise UsageError("--vocab, --merges: give both or none")
    generated = find(options.corpus).kind == "generated"
    vocab_size = options.vocab_size
    if vocab_size is None:
        vocab_size = GENERATED_VOCAB_SIZE if generated else VOCAB_SIZE
    check_count("--vocab-size", vocab_size, 300)
    size = int(options.bytes) if options.bytes else None
    if size is None and generated:
        size = GENERATED_BYTES
    large = check_count("--large-bytes", int(options.large_bytes), 2 * MEGABYTE)
    files = (options.vocab.absolute(), options.merges.absolute()) if options.vocab else None
    inputs = Inputs(options.corpus, size, large, vocab_size, folder, files)
    TextFile.open(inputs.text)
    return inputs


def run(options: argparse.Namespace, arguments: Sequence[str]) -> int:
    """Measure, print, record."""
    ids = chosen(options.only, MEASUREMENTS, "measurement")
    cache_folder().mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="peers-", dir=cache_folder()) as folder:
        inputs = prepare(options, Path(folder))
        results = [measure(name, MEASUREMENTS[name], inputs, options.rounds, progress) for name in ids]
        progress("")
        print(table(results))
        print(f"\n{write_record(options.records or default_folder(), results, inputs, arguments)}")
    return 1 if any(result.error for result in results) else 0


def fail(message: object, status: int) -> int:
    """Print one line and return the status."""
    print("python -m bench.peers: error:", " ".join(str(message).split()), file=sys.stderr)
    return status


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line; returns the exit status."""
    arguments = sys.argv[1:] if arguments is None else arguments
    options = build_parser().parse_args(arguments)
    # As an exception, so that the texts are removed.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))
    try:
        return run(options, arguments)
    except MergelabError as error:
        return fail(error, error.exit_status)
    except DataError as error:
        return fail(error, 2)
    except OSError as error:
        return fail(f"{error.filename or 'standard output'}: {error.strerror}", 1)
    except KeyboardInterrupt:
        return fail("interrupted; there is no record", 130)


if __name__ == "__main__":
    sys.exit(main())
