"""The name of an output that nobody named: from the input and the size of the vocabulary."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path


def default_output(inputs: Sequence[str | os.PathLike[str]], vocab_size: int) -> Path:
    """Return a folder in the working directory: the name of the first input without endings, and the size.

    `stories.jsonl.zst` with 8,000 tokens gives `stories-8000`; standard input gives `stdin-8000`.
    """
    name = os.fspath(inputs[0]).rstrip("/")
    stem = "stdin" if name == "-" else Path(name).name.lstrip(".").split(".")[0].strip("*?")
    return Path(f"{stem or 'tokenizer'}-{vocab_size}")
