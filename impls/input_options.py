"""The options of commands that read text: which sources, how they are read, and how progress is shown."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace
from typing import TYPE_CHECKING

from impls.inputs import KINDS

if TYPE_CHECKING:
    from impls.inputs.collection import Inputs
    from impls.progress import Shown

INPUT = (
    "text, .jsonl or .parquet, plain or .gz .xz .zst .bz2: files, folders, globs, URIs such as s3://bucket/name, or "
    "- for standard input"
)


def add_input_options(parser: ArgumentParser, n_inputs: str = "+") -> None:
    """Add the sources and the options for them; `n_inputs` is "+" or, if there may be none, "*"."""
    parser.add_argument("input", nargs=n_inputs, help=INPUT)
    group = parser.add_argument_group("input")
    group.add_argument(
        "--kind", choices=[kind.name for kind in KINDS], help="by default, the names of the files tell"
    )
    group.add_argument("--field", default="text", help="field of JSON lines, or column of Parquet; text by default")
    group.add_argument(
        "--separator", default="", metavar="TEXT", help="text between two documents of a text file, cut out"
    )
    group.add_argument("--limit-documents", type=int, metavar="N", help="read only the first N documents")
    group.add_argument("--boundary", default="", metavar="TEXT", help="put this text between two documents")
    group.add_argument(
        "--errors",
        default="strict",
        choices=("strict", "replace"),
        help="invalid UTF-8 is an error, or becomes U+FFFD",
    )
    group.add_argument(
        "--on-error",
        default="stop",
        choices=("stop", "skip"),
        help="stop at a document that cannot be read, or leave it out and tell which",
    )
    parser.add_argument("--quiet", action="store_true", help="print nothing but errors and notes")


def opened(options: Namespace) -> Inputs:
    """Return the sources that the options name.

    Raises:
        UsageError: an option is wrong.
        FileFormatError: a source is missing.
    """
    from impls.inputs.collection import open_inputs

    return open_inputs(
        options.input,
        kind=options.kind or "",
        field=options.field,
        separator=options.separator,
        limit_documents=options.limit_documents,
        boundary=options.boundary,
        errors=options.errors,
        on_error="skip" if options.on_error == "skip" else "raise",
    )


def shown(options: Namespace) -> Shown | None:
    """Return the listener that shows progress; None if it is not wanted."""
    from impls.progress import Shown

    return None if options.quiet else Shown()
