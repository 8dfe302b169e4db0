"""`python -m bench.faults.shards TOKENIZER TEXT FOLDER`: encode a text to small shards, in a child process."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np

from impls.errors import MergelabError
from impls.inputs.file import TextFile
from impls.jobs import encode
from impls.tokenizer import Tokenizer


def main(tokenizer: str, text: str, folder: str) -> int:
    """Encode the text to shards in the folder; returns the exit status."""
    encode.RANGE_BYTES = 1 << 18  # Many ranges: an interrupt comes between two of them.
    try:
        loaded = Tokenizer.load(tokenizer)
        encode.ShardedEncoding(Path(folder), "ids", loaded, np.dtype("<u2"), 50_000).run(TextFile.open(text), print)
    except MergelabError as error:
        print(f"python -m bench.faults.shards: error: {error}", file=sys.stderr)
        return error.exit_status
    return 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
