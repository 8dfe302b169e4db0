"""`mergelab count`: from text to a file of counts, which training can begin with."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace
from pathlib import Path
from time import perf_counter

from impls.input_options import add_input_options, opened, shown

EXAMPLES = """
%(prog)s corpus.txt --special-token '<|endoftext|>' --out counts.parquet       # for train --from-counts
%(prog)s corpus.txt --memory 64MB --pattern gpt4 --out counts-gpt4.parquet     # the rest waits on disk
"""


def configure(parser: ArgumentParser) -> None:
    """Add the options."""
    add_input_options(parser)
    parser.add_argument(
        "--out", type=Path, required=True, help="file of counts, Parquet; give it to train --from-counts"
    )
    parser.add_argument("--force", action="store_true", help="replace the file of counts")
    parser.add_argument(
        "--special-token", action="append", default=[], metavar="TEXT", help="a special token; may be repeated"
    )
    parser.add_argument(
        "--pattern", default="gpt2", help="gpt2 (by default), gpt4, o200k, llama3, qwen2, regex:EXPRESSION"
    )
    parser.add_argument("--workers", type=int, help="processes or threads that count; all cores by default")
    parser.add_argument(
        "--memory", metavar="SIZE", help="the most memory for the counts, such as 512MB; the rest waits on disk"
    )


def run(options: Namespace) -> None:
    """Count and write."""
    from impls.jobs.count import Settings, count_to_file

    started = perf_counter()
    settings = Settings.checked(options.pattern, options.special_token, options.workers, memory=options.memory)
    inputs, listener = opened(options), shown(options)
    total, n_unique = count_to_file(inputs, options.out, settings, listener, force=options.force)
    if listener:
        print(
            f"{options.out}: {n_unique} unique pretokens of {total.n_bytes} bytes in {total.n_documents} documents "
            f"in {perf_counter() - started:.2f} s{_left_out(total.n_left_out)}"
        )


def _left_out(n: int) -> str:
    return f"; {n} left out" if n else ""
