"""`mergelab warm`: compile all kernels ahead, so that no later process has to."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace
from time import perf_counter

from impls.errors import UsageError, shown

EXAMPLES = """
%(prog)s                      # all patterns; some seconds, once per machine
%(prog)s --pattern gpt2
"""


def configure(parser: ArgumentParser) -> None:
    """Add the options."""
    parser.add_argument(
        "--pattern",
        action="append",
        metavar="NAME",
        help="only this pattern; may be repeated; all by default",
    )


def run(options: Namespace) -> None:
    """Compile the missing kernels, and print where they are kept."""
    from impls.cache import code_folder
    from impls.patterns import PATTERNS
    from impls.warm import warm

    for pattern in options.pattern or ():
        if pattern not in PATTERNS:
            raise UsageError(f"--pattern: {shown(pattern)} is not compiled; choose one of {', '.join(PATTERNS)}")
    for pattern in options.pattern or PATTERNS:
        started = perf_counter()
        warm(pattern)
        print(f"{pattern}: ready in {perf_counter() - started:.2f} s", flush=True)
    folder = code_folder()
    kept = folder and any(folder.glob("*.o"))
    print(
        f"compiled code is in {folder}"
        if kept
        else "compiled code could not be kept; set MERGELAB_CACHE to a writable folder"
    )
