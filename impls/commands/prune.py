"""`mergelab prune`: remove tokens from a tokenizer, by size or by use on a text."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace
from pathlib import Path
from typing import TYPE_CHECKING

from impls.errors import FileFormatError, MissingByteError, UsageError

if TYPE_CHECKING:
    from impls.definition import Definition
    from impls.surgery import Changed

EXAMPLES = """
%(prog)s tok --size 280 --out tok-280                          # without the tokens that were made last
%(prog)s tok --by-use corpus.txt --out tok-used                # without the tokens that the text does not use
%(prog)s tok --by-use corpus.txt --size 290 --out tok-290      # the 290 tokens that the text uses most
"""


def configure(parser: ArgumentParser) -> None:
    """Add the options."""
    parser.description = (
        "Remove tokens from a tokenizer: with --size the tokens that were made last, with --by-use the tokens that a "
        "text does not use, with both the tokens that the text uses least. Single bytes and special tokens stay. The "
        "file id-map.json in the new folder has the new id of each old id that is left."
    )
    parser.add_argument("tokenizer", type=Path, help="the tokenizer to prune")
    parser.add_argument("--size", type=int, help="number of tokens to keep, special tokens included")
    parser.add_argument(
        "--by-use",
        type=Path,
        action="append",
        default=[],
        metavar="TEXT",
        help="file or folder of text, of any kind that train takes; may be repeated",
    )
    parser.add_argument("--out", type=Path, required=True, help="folder for the new tokenizer and id-map.json")
    parser.add_argument("--force", action="store_true", help="replace the tokenizer that is in the folder")


def run(options: Namespace) -> None:
    """Prune and save."""
    from impls.formats import recognise
    from impls.saving import check_changed_output, save_changed, told
    from impls.surgery.prune import prune

    if options.size is None and not options.by_use:
        raise UsageError("nothing says which tokens to remove; give --size, --by-use, or both")
    check_changed_output(options.out, options.force, options.tokenizer, *options.by_use)
    old = recognise(options.tokenizer).load().read(options.tokenizer)
    if options.size is not None and options.size >= len(old.vocab):
        raise UsageError(
            f"size: {options.size} is too large: {options.tokenizer} has {len(old.vocab)} tokens; give a smaller size"
        )
    changed = _by_use(old, options.by_use, options.size) if options.by_use else prune(old, options.size)
    save_changed(options.out, changed, old)
    print(f"{told(options.out, changed.definition)}, {len(old.vocab) - len(changed.ids)} removed")


def _by_use(old: Definition, paths: list[Path], size: int | None) -> Changed:
    from impls.arguments import check_workers
    from impls.inputs.collection import open_inputs
    from impls.surgery.use import prune_by_use
    from impls.training_data import counts_of

    inputs = open_inputs(paths)
    counted = counts_of(inputs, old.pattern, list(old.special_tokens), check_workers(None))
    try:
        return prune_by_use(old, counted.pretokens, size)
    except MissingByteError as error:
        raise FileFormatError(f"{inputs.name}: {error}") from None
