"""`mergelab inspect`: look into a tokenizer: one token, a text, a file, or the whole vocabulary."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace
from pathlib import Path
from typing import TYPE_CHECKING

from impls.errors import UsageError, shown
from impls.inspection.output import add_output, check_output, show

if TYPE_CHECKING:
    from impls.inputs.file import TextFile
    from impls.inspection.blocks import Block
    from impls.tokenizer import Tokenizer

EXAMPLES = """
%(prog)s tok                                             # the vocabulary
%(prog)s tok "It's the story of the day."                # how a text splits
%(prog)s tok --id 300 --json                             # one token, with the merges that make it
%(prog)s tok --file corpus.txt --html usage.html         # how well the tokenizer fits a text
"""


def configure(parser: ArgumentParser) -> None:
    """Add the options."""
    parser.add_argument("tokenizer", type=Path, help="a tokenizer, such as a folder written by train")
    parser.add_argument("text", nargs="?", help="a text to split; without any of these, the vocabulary is described")
    parser.add_argument("--file", type=Path, help="a file of UTF-8 text: how well does the tokenizer fit it?")
    parser.add_argument("--token", help="a token, as text")
    parser.add_argument("--id", type=int, help="a token, by its id")
    parser.add_argument(
        "--errors",
        default="strict",
        choices=("strict", "replace"),
        help="invalid UTF-8 in the file is an error, or becomes U+FFFD",
    )
    add_output(parser)


def run(options: Namespace) -> None:
    """Compute the figures that are asked for, and show them."""
    asked = [name for name in ("text", "file", "token", "id") if getattr(options, name) is not None]
    if len(asked) > 1:
        names = " and ".join(name.upper() if name == "text" else f"--{name}" for name in asked)
        raise UsageError(f"{names}: are different questions; give one of TEXT, --file, --token, --id")
    from impls.inputs.file import TextFile
    from impls.tokenizer import Tokenizer

    check_output(options, options.tokenizer, *([options.file] if options.file else []))
    text = TextFile.open(options.file, options.errors) if options.file else None
    tokenizer = Tokenizer.load(options.tokenizer)
    figures, blocks = _answer(tokenizer, text, options)
    show(f"Tokenizer {options.tokenizer}", figures, blocks, options)


def _answer(tokenizer: Tokenizer, text: TextFile | None, options: Namespace) -> tuple[object, list[Block]]:
    from impls.inspection.figures.text import text_figures
    from impls.inspection.figures.token import token_figures
    from impls.inspection.figures.usage import usage_figures
    from impls.inspection.figures.vocabulary import vocabulary_figures
    from impls.inspection.words.text import text_blocks
    from impls.inspection.words.token import token_blocks
    from impls.inspection.words.usage import usage_blocks
    from impls.inspection.words.vocabulary import vocabulary_blocks

    if text is not None:
        usage = usage_figures(tokenizer, text, str(options.tokenizer))
        return usage, usage_blocks(usage, tokenizer.vocab)
    if options.text is not None:
        split = text_figures(tokenizer, options.text)
        return split, text_blocks(split)
    if options.token is not None or options.id is not None:
        token = token_figures(tokenizer.definition, _id(tokenizer, options))
        return token, token_blocks(token)
    vocabulary = vocabulary_figures(tokenizer)
    return vocabulary, vocabulary_blocks(vocabulary)


def _id(tokenizer: Tokenizer, options: Namespace) -> int:
    if options.token is None:
        return int(options.id)
    found = tokenizer.token_to_id(options.token)
    if found is None:
        told = f"--token: {shown(options.token)} is not a token of {options.tokenizer}"
        raise UsageError(f"{told}; to see its tokens, give it as TEXT")
    return found
