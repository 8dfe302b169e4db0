"""The merges of a vocabulary that is given as ranks: the token with the lowest rank is merged first.

tiktoken's rank files hold nothing else, and a tokenizer.json that was made from such a file says so by
`ignore_merges`.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from impls.contract import N_BYTES, Array32
from impls.errors import FileFormatError
from impls.kernels.recover import recover_merges
from impls.memory import zeros
from impls.patterns import PATTERNS, Splitter

MOST_WORK = 1 << 31
"""The largest sum of squared lengths of tokens, in bytes: recovering merges takes time in proportion to it, and
the largest known vocabularies have a hundredth of it."""

AFTER = ("", " ", "\n", "a", "A", "1", "!", "\u00e9")
"""Texts that may follow a pretoken, one of each kind that the named patterns tell apart."""


def merges_of_ranks(tokens: Sequence[bytes], place: str) -> tuple[Array32, Array32, Array32]:
    """Return the merges that give the same tokens as the ranks do.

    Args:
        tokens: all tokens in order of rank, no two of them equal.
        place: begins the message of an error.

    Returns:
        The places in `tokens` of the left tokens, of the right tokens, and of the merged tokens, int32[m] each, in
        order of rank. A token that no merge makes is in none of them as a merged token.

    Raises:
        FileFormatError: a byte has no token, or the tokens are too long.
    """
    lengths = np.fromiter(map(len, tokens), np.int64, len(tokens))
    missing = set(range(N_BYTES)) - {token[0] for token in tokens if len(token) == 1}
    if missing:
        raise FileFormatError(
            f"{place}: byte {min(missing):#04x} has no token; give a byte-level vocabulary, which has all 256 bytes"
        )
    if int((lengths**2).sum()) > MOST_WORK:
        raise FileFormatError(f"{place}: has tokens of up to {lengths.max()} bytes; give a file with shorter tokens")
    offsets = np.concatenate([np.zeros(1, np.int64), np.cumsum(lengths)])
    table = np.full(1 << len(tokens).bit_length() + 1, -1, np.int32)
    starts, found = (zeros(int(lengths.max()) + 1, np.int64) for _ in range(2))
    left, right = (np.empty(len(tokens), np.int32) for _ in range(2))
    text = np.frombuffer(b"".join(tokens), np.uint8)
    recover_merges(text, offsets, table, zeros((len(tokens), 2), np.uint64), starts, found, left, right)
    merged = np.flatnonzero(left >= 0).astype(np.int32)
    return left[merged], right[merged], merged


def out_of_reach(tokens: Sequence[bytes], merged: Array32) -> Iterator[bytes]:
    """Yield the tokens of two bytes or more that no merge makes."""
    made = np.zeros(len(tokens), np.bool_)
    made[merged] = True
    return (tokens[place] for place in np.flatnonzero(~made).tolist() if len(tokens[place]) > 1)


def may_be_pretoken(token: bytes, pattern: str) -> bool:
    """Tell whether a token may be a whole pretoken; for an expression of a user's own, any text may be one."""
    try:
        text = token.decode()
    except UnicodeDecodeError:
        return False
    if pattern not in PATTERNS:
        return True
    splitter = Splitter(pattern)
    return any(next(splitter.pretokens(text + following)) == text for following in AFTER)
