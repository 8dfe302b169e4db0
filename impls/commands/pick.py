"""`mergelab pick`: which implementation `impl="auto"` takes for a text of some size, and why."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace

from impls.registry import STAGES

EXAMPLES = """
%(prog)s --bytes 5000000                    # what auto takes for 5 MB, and why
%(prog)s --bytes 1000 --stage encode
"""


def configure(parser: ArgumentParser) -> None:
    """Add the options."""
    parser.add_argument("--bytes", type=int, required=True, help="size of the text in bytes")
    parser.add_argument("--stage", choices=STAGES, help="all stages by default")
    parser.add_argument("--pattern", default="gpt2", help="split pattern")


def run(options: Namespace) -> None:
    """Print one line per stage."""
    from impls.arguments import check_count
    from impls.fastest import choose
    from impls.patterns import compile_pattern

    compile_pattern(options.pattern)
    n_bytes = check_count("--bytes", options.bytes, 0)
    for stage in [options.stage] if options.stage else STAGES:
        impl, reason = choose(stage, n_bytes, options.pattern)
        print(f"{stage}: {impl.name} ({reason})")
