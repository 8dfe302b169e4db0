"""Cuts a text file into strings for peers to train on, at places that no pretoken spans."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Sequence
from pathlib import Path

PIECE_CHARACTERS = 1 << 16
"""A document with more characters than this is cut, because a peer counts each string in one thread."""

# All three named patterns end a pretoken between a letter and a line end, and none looks at the text before it.
_CUT = re.compile(r"(?<=[A-Za-z])(?=\n)")


def pieces(path: str | os.PathLike[str], special_tokens: Sequence[str]) -> Iterator[str]:
    """Yield the text between special tokens in pieces of about 64 K characters; the longest special token wins.

    Raises:
        UnicodeDecodeError: the file is not UTF-8.
    """
    text = Path(path).read_bytes().decode()
    longest_first = sorted(special_tokens, key=len, reverse=True)
    documents = re.split("|".join(map(re.escape, longest_first)), text) if longest_first else [text]
    for document in documents:
        start = 0
        while (found := _CUT.search(document, start + PIECE_CHARACTERS)) is not None:
            yield document[start : found.start()]
            start = found.start()
        yield document[start:]
