"""The command line: `python -m impls train|encode|decode|list|pick|warm`.

Exit status 0; 2 for bad usage, 1 for a failure, 130 for an interrupt, each with one line on standard error.
"""

from __future__ import annotations

import argparse
import os
import signal
import sys
from collections.abc import Sequence
from pathlib import Path
from time import perf_counter
from typing import NoReturn

from impls.contract import TIE_BREAKS, MergeEvent, check_count
from impls.errors import FileFormatError, MergelabError
from impls.fastest import choose
from impls.kernels.compiler import code_folder
from impls.patterns import CUSTOM, PATTERNS, compile_pattern
from impls.pipeline import train_bpe
from impls.registry import STAGES, implementations
from impls.storage import atomic_writer
from impls.tokenizer import Tokenizer
from impls.warm import warm


class OneLineParser(argparse.ArgumentParser):
    """A parser whose errors are one line."""

    def error(self, message: str) -> NoReturn:
        """Exit with status 2."""
        self.exit(2, f"{self.prog}: error: {message}; see {self.prog} --help\n")


def build_parser() -> argparse.ArgumentParser:
    """Describe the command line."""
    parser = OneLineParser(prog="python -m impls", description="Train, apply and list BPE implementations.")
    commands = parser.add_subparsers(dest="command", required=True, parser_class=OneLineParser)
    trainers = ", ".join(row.name for row in implementations("train"))
    encoders = ", ".join(row.name for row in implementations("encode"))

    train = commands.add_parser("train", help="train a vocabulary on a text file")
    train.add_argument("input", type=Path, help="UTF-8 text")
    train.add_argument("--vocab-size", type=int, required=True, help="256 bytes + merges + special tokens")
    train.add_argument("--special-token", action="append", default=[], metavar="TEXT", help="may be repeated")
    train.add_argument("--out", type=Path, required=True, help="folder for vocab.json, merges.txt, mergelab.json")
    train.add_argument("--pattern", default="gpt2", help=f"{', '.join(PATTERNS)} or {CUSTOM}EXPRESSION")
    train.add_argument("--impl", default="auto", help=f"auto, {trainers}")
    train.add_argument("--workers", type=int, help="processes or threads that count; all cores by default")
    train.add_argument("--tie-break", default="greatest", choices=TIE_BREAKS)
    train.add_argument("--errors", default="strict", choices=("strict", "replace"), help="for invalid UTF-8")
    train.add_argument("--verbose", action="store_true", help="print each merge")

    encode = commands.add_parser("encode", help="encode a text file to a file of ids")
    encode.add_argument("tokenizer", type=Path, help="folder written by train")
    encode.add_argument("input", type=Path, help="UTF-8 text")
    encode.add_argument("--out", type=Path, required=True, help="bare ids, uint16 or uint32, little-endian")
    encode.add_argument("--impl", default="auto", help=f"auto, {encoders}")
    encode.add_argument("--errors", default="strict", choices=("strict", "replace"), help="for invalid UTF-8")

    decode = commands.add_parser("decode", help="decode a file of ids to text")
    decode.add_argument("tokenizer", type=Path, help="folder written by train")
    decode.add_argument("input", type=Path, help="file of ids written by encode")
    decode.add_argument("--out", type=Path, help="text file; standard output by default")

    choose = commands.add_parser("pick", help="tell which implementation auto takes, and why")
    choose.add_argument("--bytes", type=int, required=True, help="size of the text")
    choose.add_argument("--stage", choices=STAGES, help="all stages by default")
    choose.add_argument("--pattern", default="gpt2", help="split pattern")

    compile_ahead = commands.add_parser("warm", help="compile all kernels ahead and leave them in the cache")
    compile_ahead.add_argument(
        "--pattern", action="append", choices=tuple(PATTERNS), help="may be repeated; all by default"
    )

    commands.add_parser("list", help="list the implementations of each stage, simplest first")
    return parser


def print_merge(event: MergeEvent) -> None:
    """Print one line of the verbose stream."""
    print(
        f"merge {event.index + 1}: {event.pair} -> {event.new_id} {event.token!r} "
        f"count {event.count} in {event.seconds * 1e3:.3f} ms"
    )


def run_train(options: argparse.Namespace) -> None:
    """Train and save."""
    if options.out.exists() and not options.out.is_dir():
        raise FileFormatError(f"{options.out}: exists and is not a folder; give a folder")
    started = perf_counter()
    vocab, merges = train_bpe(
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
    Tokenizer(vocab, merges, options.special_token, pattern=options.pattern).save(options.out)
    print(
        f"{options.out}: {len(vocab)} tokens ({len(merges)} merges, {len(options.special_token)} special) "
        f"in {perf_counter() - started:.2f} s"
    )


def run_encode(options: argparse.Namespace) -> None:
    """Encode a file."""
    tokenizer = Tokenizer.load(options.tokenizer, impl=options.impl)
    started = perf_counter()
    n_ids = tokenizer.encode_file(options.input, options.out, errors=options.errors)
    seconds, n_bytes = perf_counter() - started, options.input.stat().st_size
    print(
        f"{options.out}: {n_ids} ids ({tokenizer.id_dtype}) of {n_bytes} bytes, {n_bytes / max(n_ids, 1):.3f} bytes "
        f"an id, {n_bytes / 1e6 / seconds:.1f} MB/s"
    )


def run_decode(options: argparse.Namespace) -> None:
    """Decode a file."""
    tokenizer = Tokenizer.load(options.tokenizer)
    chunks = tokenizer.decode_file(options.input)
    if options.out is None:
        for chunk in chunks:
            sys.stdout.buffer.write(chunk)
        return
    with atomic_writer(options.out) as output:
        for chunk in chunks:
            output.write(chunk)


def run_list() -> None:
    """List the registry."""
    for stage in STAGES:
        print(stage)
        for row in implementations(stage):
            print(f"  {row.name:<14}{row.idea}")


def run_pick(options: argparse.Namespace) -> None:
    """Tell what auto takes."""
    compile_pattern(options.pattern)
    n_bytes = check_count("--bytes", options.bytes, 0)
    for stage in [options.stage] if options.stage else STAGES:
        impl, reason = choose(stage, n_bytes, options.pattern)
        print(f"{stage}: {impl.name} ({reason})")


def run_warm(options: argparse.Namespace) -> None:
    """Compile ahead."""
    for pattern in options.pattern or PATTERNS:
        started = perf_counter()
        warm(pattern)
        print(f"{pattern}: ready in {perf_counter() - started:.2f} s", flush=True)
    folder = code_folder()
    print(f"compiled code is in {folder}" if folder else "compiled code could not be kept")


def run(options: argparse.Namespace) -> None:
    """Run one command."""
    if options.command == "train":
        run_train(options)
    elif options.command == "encode":
        run_encode(options)
    elif options.command == "decode":
        run_decode(options)
    elif options.command == "pick":
        run_pick(options)
    elif options.command == "warm":
        run_warm(options)
    else:
        run_list()
    sys.stdout.flush()


def fail(message: object, status: int) -> int:
    """Print one line, whatever is in the message, and return the status."""
    line = "".join(character if character.isprintable() else repr(character)[1:-1] for character in str(message))
    print("python -m impls: error:", line, file=sys.stderr)
    return status


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line; returns the exit status."""
    options = build_parser().parse_args(arguments)
    if sys.stdout is None:
        return fail("standard output is closed; send it to /dev/null if it is not wanted", 1)
    # As an exception, so that temporary files are removed.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))
    try:
        run(options)
    except MergelabError as error:
        return fail(error, error.exit_status)
    except KeyboardInterrupt:
        return fail("interrupted; no file was written", 130)
    except MemoryError:
        return fail("out of memory; the compiled implementations need the least (--impl jit)", 1)
    except OSError as error:
        # What is still in the buffer cannot be written either; without this, the interpreter tries once more.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return fail(f"{error.filename or 'standard output'}: {error.strerror}", 1)
    return 0


if __name__ == "__main__":
    sys.exit(main())
