"""`mergelab compare`: several tokenizers side by side on the same file."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace
from pathlib import Path

from impls.errors import UsageError
from impls.inspection.output import add_output, check_output, show

EXAMPLES = """
%(prog)s tok tok-o200k --on corpus.txt
%(prog)s tok tok-o200k tok-own --on corpus.txt --html compared.html     # with a plot
"""


def configure(parser: ArgumentParser) -> None:
    """Add the options."""
    parser.add_argument("tokenizers", nargs="+", type=Path, metavar="TOKENIZER", help="two or more tokenizers")
    parser.add_argument("--on", type=Path, required=True, metavar="FILE", help="file of UTF-8 text to compare on")
    parser.add_argument(
        "--errors",
        default="strict",
        choices=("strict", "replace"),
        help="invalid UTF-8 is an error, or becomes U+FFFD",
    )
    add_output(parser)


def run(options: Namespace) -> None:
    """Load all tokenizers, compare them, and show the comparison."""
    from impls.inputs.file import TextFile
    from impls.inspection.figures.comparison import comparison_figures
    from impls.inspection.words.comparison import comparison_blocks
    from impls.tokenizer import Tokenizer

    names = [str(path) for path in options.tokenizers]
    if len(set(names)) < 2 or len(set(names)) < len(names):
        raise UsageError(f"tokenizers: {', '.join(names)}; give two or more different ones")
    check_output(options, options.on, *options.tokenizers)
    text = TextFile.open(options.on, options.errors)
    tokenizers = {str(path): Tokenizer.load(path) for path in options.tokenizers}
    figures = comparison_figures(tokenizers, text)
    show(f"Tokenizers on {options.on}", figures, comparison_blocks(figures), options)
