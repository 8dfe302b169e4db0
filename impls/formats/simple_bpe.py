"""The text form `simple-bpe v1` of a `.model` file, which some trainers in the style of minbpe write.

Its lines are: the word `simple-bpe v1`; the expression that splits texts; the number of special tokens; each special
token with its id; and two ids per merge, in order of rank. Bytes 0 to 255 are ids 0 to 255, and merge i makes id
256 + i. Karpathy, https://github.com/karpathy/minbpe, has the form that it was made from.
"""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np

from impls.arguments import check_path
from impls.contract import N_BYTES
from impls.definition import Definition
from impls.errors import FileFormatError, UsageError, shown
from impls.formats.files import begins_with, note, read_text
from impls.formats.pre_tokenizers import NAMES
from impls.patterns import CUSTOM, PATTERNS

MOST_BYTES = 1 << 16
"""Longest token that is read: each merge may double the length of its tokens."""

_PATTERNS = {**NAMES, **{expression: name for name, expression in PATTERNS.items()}}


def recognise(path: Path) -> bool:
    """Tell whether a path is a file in this form."""
    return begins_with(path, rb"simple-bpe v1[ \t]*\r?\n")


def read(path: str | os.PathLike[str]) -> Definition:
    """Read the file; the programs that write it have no form for special tokens with whitespace.

    Raises:
        FileFormatError: the file is damaged; the message has the number of the line.
    """
    path = check_path(path)
    # Only "\n" ends a line: an expression may hold other line ends.
    lines = [line.removesuffix("\r") for line in read_text(path).removesuffix("\n").split("\n")]
    if not lines[2:] or not lines[2].strip().isdigit() or len(lines[2]) > 9:
        raise FileFormatError(f"{path}: line 3 is not the number of special tokens; restore the file")
    first_merge = 3 + int(lines[2])
    if first_merge > len(lines):
        raise FileFormatError(f"{path}: ends before the last special token; restore the file")
    specials = [_special(line, number, path) for number, line in enumerate(lines[3:first_merge], start=4)]
    pairs = [_pair(line, number, path) for number, line in enumerate(lines[first_merge:], start=first_merge + 1)]
    return _definition(lines[1], specials, pairs, path)


def _special(line: str, number: int, path: Path) -> tuple[str, int]:
    """Return a special token and its id; only the last space of a line separates the two."""
    token, _, token_id = line.rpartition(" ")
    if not token or not token_id.isdecimal() or len(token_id) > 10:
        told = f"{shown(line)} is not a special token and its id"
        raise FileFormatError(f"{path}: line {number}: {told}; correct the line")
    return token, int(token_id)


def _pair(line: str, number: int, path: Path) -> tuple[int, int]:
    ids = line.split()
    if len(ids) != 2 or not all(text.isdecimal() and len(text) <= 10 for text in ids):
        raise FileFormatError(f"{path}: line {number}: {shown(line)} is not two ids; correct the line")
    return int(ids[0]), int(ids[1])


def _definition(
    expression: str, specials: list[tuple[str, int]], pairs: list[tuple[int, int]], path: Path
) -> Definition:
    tokens = [bytes([byte]) for byte in range(N_BYTES)]
    for number, (left, right) in enumerate(pairs):
        if max(left, right) >= len(tokens):
            told = f"merge {number} uses the id {max(left, right)} before it is made"
            raise FileFormatError(f"{path}: {told}; restore the file")
        if len(tokens[left]) + len(tokens[right]) > MOST_BYTES:
            told = f"merge {number} makes a token of more than {MOST_BYTES} bytes"
            raise FileFormatError(f"{path}: {told}; restore the file")
        tokens.append(tokens[left] + tokens[right])
    vocab = dict(enumerate(tokens))
    for token, token_id in specials:
        if vocab.setdefault(token_id, token.encode()) != token.encode():
            raise FileFormatError(
                f"{path}: special token {token!r} has the id {token_id} of another token; correct it"
            )
    merges = np.array(pairs, np.int32).reshape(-1, 2)
    columns = merges[:, 0].copy(), merges[:, 1].copy(), np.arange(len(pairs), dtype=np.int32) + np.int32(N_BYTES)
    pattern = _PATTERNS.get(expression, CUSTOM + expression)
    if pattern.startswith(CUSTOM):
        note(str(path), "programs of this form drop text that the expression does not match, and mergelab keeps it")
    try:
        return Definition.of_ids(vocab, columns, [token for token, _ in specials], pattern)
    except UsageError as error:
        raise FileFormatError(f"{path}: {error}") from None
