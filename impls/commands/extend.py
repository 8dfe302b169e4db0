"""`mergelab extend`: add tokens to a tokenizer; all old ids stay."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace
from pathlib import Path

from impls.errors import FileFormatError, UsageError

EXAMPLES = """
%(prog)s tok --token mergelab --token ' Zurich' --out tok-words
%(prog)s tok --special-token '<|user|>' --special-token '<|end|>' --out tok-chat
"""


def configure(parser: ArgumentParser) -> None:
    """Add the options."""
    parser.description = (
        "Add given tokens to a tokenizer; all old ids stay. To learn new tokens from a text instead, run train with "
        "--continue."
    )
    parser.add_argument("tokenizer", type=Path, help="the tokenizer to extend")
    parser.add_argument("--token", action="append", default=[], metavar="TEXT", help="a token; may be repeated")
    parser.add_argument("--tokens", type=Path, metavar="FILE", help="file of UTF-8 text with a token in each line")
    parser.add_argument(
        "--special-token", action="append", default=[], metavar="TEXT", help="a special token; may be repeated"
    )
    parser.add_argument("--out", type=Path, required=True, help="folder for the new tokenizer")
    parser.add_argument("--force", action="store_true", help="replace the tokenizer that is in the folder")


def run(options: Namespace) -> None:
    """Extend and save."""
    from impls.formats import recognise
    from impls.saving import check_changed_output, save_changed, told
    from impls.surgery.extend import extend

    tokens = options.token + (_lines(options.tokens) if options.tokens else [])
    if not tokens and not options.special_token:
        raise UsageError("no token is given; give --token, --tokens or --special-token")
    inputs = [options.tokenizer, *([options.tokens] if options.tokens else [])]
    check_changed_output(options.out, options.force, *inputs)
    old = recognise(options.tokenizer).load().read(options.tokenizer)
    changed = extend(old, tokens, options.special_token)
    save_changed(options.out, changed, old)
    n_asked = len({*tokens, *options.special_token})
    n_added = len(changed.definition.vocab) - len(old.vocab)
    print(f"{told(options.out, changed.definition)}, {n_added} new, of which {n_asked} were asked for")


def _lines(path: Path) -> list[str]:
    from impls.formats.files import read_text

    lines = read_text(path).split("\n")
    if lines[-1] == "":
        lines.pop()
    for number, line in enumerate(lines, start=1):
        if not line.removesuffix("\r"):
            raise FileFormatError(f"{path}: line {number} is empty; remove it")
    return [line.removesuffix("\r") for line in lines]
