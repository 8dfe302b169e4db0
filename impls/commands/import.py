"""`mergelab import`: from a tokenizer of another program to a folder of ours, proven on a sample."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace
from pathlib import Path
from typing import Any

from impls.command_line import tell
from impls.errors import UsageError
from impls.formats import FORMATS

EXAMPLES = """
%(prog)s hf/tokenizer.json --out imported
"""


def configure(parser: ArgumentParser) -> None:
    """Add the options."""
    parser.add_argument("input", type=Path, help=f"{', or '.join(row.what for row in FORMATS if row.reads)}")
    parser.add_argument("--out", type=Path, help="folder for the tokenizer; by default named after input and size")
    parser.add_argument("--force", action="store_true", help="replace the tokenizer that is in the folder")
    parser.add_argument("--pattern", help="split pattern of a rank file, which does not hold it")
    parser.add_argument(
        "--special-token",
        action="append",
        default=[],
        metavar="TEXT=ID",
        help="a special token of a rank file, with its id; may be repeated",
    )
    parser.add_argument(
        "--without", action="append", default=[], choices=["normalizer"], help="leave out a part that changes ids"
    )


def run(options: Namespace) -> None:
    """Read, prove and save."""
    from impls.formats import mergelab, recognise
    from impls.formats.names import default_output
    from impls.proof import prove
    from impls.saving import check_output

    row = recognise(options.input)
    definition = row.load().read(options.input, **_choices(options, row.name))
    size = len(definition.vocab)
    out = options.out or default_output([options.input], size)
    check_output(out, options.force, options.input)
    proof = prove(row, options.input, definition) if not options.without else None
    mergelab.write(out, definition)
    print(
        f"{out}: {size} tokens ({len(definition.merges)} merges, {len(definition.special_tokens)} special, pattern "
        f"{definition.pattern}) from {row.name}"
    )
    if proof and proof.library:
        print(f"{proof.n_texts} texts get the same ids from {proof.library}")
    elif row.name != "mergelab":
        reason = "a part was left out" if proof is None else "its library is not installed"
        tell("python -m impls", "note", f"the ids were not compared with {row.name}'s own: {reason}")


def _choices(options: Namespace, name: str) -> dict[str, Any]:
    """Return the arguments of the reader that the options give.

    Raises:
        UsageError: the format takes no such option.
    """
    if name != "tiktoken" and (options.pattern or options.special_token):
        raise UsageError(f"--pattern, --special-token: {name} holds them itself; leave the options away")
    if name != "tokenizer.json" and options.without:
        raise UsageError(f"--without: {name} has no {', '.join(options.without)}; leave the option away")
    if options.special_token and not options.pattern:
        raise UsageError("--special-token: give --pattern, too")
    if name == "tiktoken":
        return {"pattern": options.pattern, "special_tokens": dict(map(_special_token, options.special_token))}
    return {"without": options.without} if name == "tokenizer.json" else {}


def _special_token(text: str) -> tuple[str, int]:
    token, _, token_id = text.rpartition("=")
    if not token or not token_id.isdecimal() or len(token_id) > 10:
        raise UsageError(f"--special-token: {text!r} is not TEXT=ID; give a text such as '<|endoftext|>=100257'")
    return token, int(token_id)
