"""GPT-2's `vocab.json` and `merges.txt`: an object token -> id, and lines of two tokens in order of rank.

The two files do not hold the split pattern, and do not tell which tokens are special. Reading them executes no code.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Mapping, Sequence

from impls.arguments import check_path
from impls.errors import FileFormatError
from impls.formats.alphabet import from_text, to_text
from impls.formats.files import read_json, read_text

VOCAB_FILE, MERGES_FILE = "vocab.json", "merges.txt"

_MERGES_HEADER = "#version: 0.2"


class _Tokens(dict[str, bytes]):
    """A dict: token as it is written -> its bytes; each written token is converted only once."""

    def __missing__(self, text: str) -> bytes:
        token = self[text] = from_text(text)
        return token


def read_vocab(path: str | os.PathLike[str], special_tokens: Sequence[str] = ()) -> dict[int, bytes]:
    """Read `vocab.json`: token to id.

    An entry with the same characters as one of `special_tokens` is this special token, unless the file also has an
    entry for the special token in the byte alphabet.

    Raises:
        FileFormatError: the file is not JSON, an id is not a whole number of at least 0 or is given twice, or a token
            has a character outside the alphabet.
    """
    path = check_path(path)
    vocab: dict[int, bytes] = {}
    content = read_json(path)
    literal = {token for token in special_tokens if to_text(token.encode()) not in content}
    for text, token_id in content.items():
        if isinstance(token_id, bool) or not isinstance(token_id, int) or token_id < 0:
            raise FileFormatError(
                f"{path}: token {text!r} has the id {token_id!r}, not a whole number of at least 0; restore the file"
            )
        if token_id in vocab:
            raise FileFormatError(
                f"{path}: two tokens have the id {token_id}, the second is {text!r}; restore the file"
            )
        try:
            vocab[token_id] = text.encode() if text in literal else from_text(text)
        except ValueError as error:
            raise FileFormatError(
                f"{path}: token {text!r}: {error}; if this is a special token, name it in special_tokens; "
                "otherwise restore the file"
            ) from None
    return vocab


def read_merges(path: str | os.PathLike[str]) -> list[tuple[bytes, bytes]]:
    """Read `merges.txt`: two tokens per line, in order of rank.

    Raises:
        FileFormatError: a line does not hold exactly two tokens, or a pair is given twice; the message has the number
            of the line.
    """
    path = check_path(path)
    lines: dict[tuple[bytes, bytes], int] = {}
    tokens = _Tokens()
    # Only "\n" ends a line: `splitlines` would also break at characters that occur in tokens.
    for number, line in enumerate(read_text(path).split("\n"), start=1):
        line = line.removesuffix("\r")
        if not line or (number == 1 and line.startswith("#version")):
            continue
        columns = line.split(" ")
        if len(columns) != 2 or not all(columns):
            raise FileFormatError(
                f"{path}: line {number}: {line!r} is not two tokens separated by one space; correct the line"
            )
        try:
            pair = (tokens[columns[0]], tokens[columns[1]])
        except ValueError as error:
            raise FileFormatError(f"{path}: line {number}: {error}; restore the file") from None
        if pair in lines:
            raise FileFormatError(
                f"{path}: line {number}: the pair {line!r} was given already in line {lines[pair]}; remove one line"
            )
        lines[pair] = number
    return list(lines)


def vocab_content(vocab: Mapping[int, bytes]) -> str:
    """Return the content of `vocab.json`, sorted by id."""
    written = {to_text(token): token_id for token_id, token in sorted(vocab.items())}
    return json.dumps(written, ensure_ascii=False) + "\n"


def merges_content(merges: Iterable[tuple[bytes, bytes]]) -> str:
    """Return the content of `merges.txt`."""
    return "\n".join([_MERGES_HEADER, *(f"{to_text(left)} {to_text(right)}" for left, right in merges)]) + "\n"
