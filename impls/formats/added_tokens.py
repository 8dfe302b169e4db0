"""The added tokens of a tokenizer.json: texts that are cut out before a text is split, each with an id."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any

from impls.errors import FileFormatError, shown

FLAGS = ("single_word", "lstrip", "rstrip")
"""Settings of an added token that change where it is found; mergelab finds a special token everywhere."""

MOST_CHARACTERS = 1 << 16
"""The largest sum of the lengths of added tokens that are looked for in two steps."""


def read_added_tokens(rows: object, vocab: Mapping[str, Any], place: str) -> dict[str, int]:
    """Return a dict: added token -> id, in the order of the file.

    The ids are those that the library `tokenizers` gives: the id in the vocabulary of the model, or else the next
    free id.

    Args:
        rows: the list `added_tokens` of the file.
        vocab: a mapping: token as it is written -> id, the vocabulary of the model.
        place: begins the message of an error.

    Raises:
        FileFormatError: the list is damaged, a token has a setting that mergelab cannot carry, or `tokenizers` gives
            a token another id than the file says.
    """
    if not isinstance(rows, list):
        raise FileFormatError(f"{place}: 'added_tokens' is {shown(rows)}, not a list; restore the file")
    ids: dict[str, int] = {}
    following = len(vocab)
    for row in rows:
        token, told_id = _checked(row, place)
        token_id = vocab.get(token, following)
        if type(token_id) is not int or token_id != told_id:
            raise FileFormatError(
                f"{place}: added token {shown(token)} has the id {shown(told_id)}, but tokenizers gives it the id "
                f"{shown(token_id)}; correct the file"
            )
        if token in ids:
            raise FileFormatError(f"{place}: added token {shown(token)} is given twice; remove one of the two")
        ids[token] = token_id
        following += token not in vocab
    normalized = [row["content"] for row in rows if row.get("normalized")]
    _check_order(set(ids) - set(normalized), normalized, place)
    return ids


def _checked(row: object, place: str) -> tuple[str, Any]:
    if not isinstance(row, Mapping) or not isinstance(row.get("content"), str):
        raise FileFormatError(f"{place}: 'added_tokens' holds {shown(row)}, not a token; restore the file")
    for flag in FLAGS:
        if row.get(flag):
            raise FileFormatError(
                f"{place}: added token {shown(row['content'])} has {flag!r}, which mergelab cannot do; make it false"
            )
    return row["content"], row.get("id")


def _check_order(first: Collection[str], second: Sequence[str], place: str) -> None:
    """Check that tokens found in a second search do not overlap tokens found in the first search.

    `tokenizers` searches for normalized tokens after all others; mergelab searches for all tokens at once.
    """
    if not first or not second:
        return
    if sum(map(len, first)) + sum(map(len, second)) > MOST_CHARACTERS:
        raise FileFormatError(f"{place}: too many added tokens are 'normalized'; set 'normalized' to false")
    beginnings = {token[:length] for token in first for length in range(1, len(token) + 1)}
    lengths = {len(token) for token in first}
    for token in second:
        inside = any(token[start : start + length] in first for start in range(len(token)) for length in lengths)
        if inside or any(token[start:] in beginnings for start in range(1, len(token))):
            raise FileFormatError(
                f"{place}: added token {shown(token)} is 'normalized' and overlaps another token; make it false"
            )
