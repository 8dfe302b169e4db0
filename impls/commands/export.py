"""`mergelab export`: from any tokenizer to the files of another program."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace
from pathlib import Path

from impls.errors import FileFormatError
from impls.formats import FORMATS, find

EXAMPLES = """
%(prog)s tok --to tokenizer.json --out hf          # AutoTokenizer.from_pretrained("hf")
%(prog)s tok --to tiktoken --out ranks
"""

KIND = "tokenizer"


def configure(parser: ArgumentParser) -> None:
    """Add the options."""
    parser.add_argument("tokenizer", type=Path, help="tokenizer in any format")
    names = [row.name for row in FORMATS if row.writes and row.name != "mergelab"]
    parser.add_argument("--to", required=True, choices=names, metavar="FORMAT", help=", ".join(names))
    parser.add_argument("--out", type=Path, help="folder for the files; by default named after input and format")
    parser.add_argument("--force", action="store_true", help="replace the files of an earlier export")


def run(options: Namespace) -> None:
    """Load and write."""
    from impls.folders import claimed, refuse_same_file
    from impls.formats.files import write_together
    from impls.tokenizer import Tokenizer

    row = find(options.to)
    definition = Tokenizer.load(options.tokenizer).definition
    out = options.out or Path(f"{options.tokenizer.resolve().name.split('.')[0]}-{row.name.split('.')[0]}")
    contents = row.load().contents(definition)
    for place in (out, *(out / name for name in contents)):
        refuse_same_file(place, options.tokenizer)
    with claimed(out, KIND, contents):
        for name in contents:
            if (out / name).exists() and not options.force:
                raise FileFormatError(f"{out / name}: exists; give another --out, or --force to replace it")
        write_together(out, contents)
    print(f"{out}: {', '.join(sorted(contents))} with {len(definition.vocab)} tokens")
