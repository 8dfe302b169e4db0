"""The search for special tokens, which comes before the split pattern; if several match, the longest is taken."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from impls.kernels.helpers import Int, inline
from impls.kernels.instructions import match_block, trailing_zeros


class Specials(NamedTuple):
    """Special tokens, longest first.

    Attributes:
        bytes_: uint8[total], the bytes of all special tokens, one token after the other.
        offsets: int64[n + 1]; special token i is `bytes_[offsets[i]:offsets[i + 1]]`.
        starts: bool[256], whether some special token begins with this byte.
        ids: int32[n], the id of each special token.
        only: the byte with which all special tokens begin, or -1 if they begin with different bytes.
    """

    bytes_: NDArray[np.uint8]
    offsets: NDArray[np.int64]
    starts: NDArray[np.bool_]
    ids: NDArray[np.int32]
    only: int


def pack_specials(special_tokens: Mapping[str, int]) -> Specials:
    """Pack special tokens with their ids for the kernels."""
    tokens = sorted(((token.encode(), token_id) for token, token_id in special_tokens.items()), key=_longest_first)
    starts = np.zeros(256, np.bool_)
    starts[[token[0] for token, _ in tokens]] = True
    offsets = np.cumsum([0, *(len(token) for token, _ in tokens)]).astype(np.int64)
    content = np.frombuffer(b"".join(token for token, _ in tokens), np.uint8).copy()
    firsts = {token[0] for token, _ in tokens}
    only = firsts.pop() if len(firsts) == 1 else -1
    return Specials(content, offsets, starts, np.array([token_id for _, token_id in tokens], np.int32), only)


def _longest_first(item: tuple[bytes, int]) -> int:
    return -len(item[0])


@inline
def special_at(text: Any, position: Int, end: Int, specials: Any) -> Int:
    """Return the number of the longest special token at `position` of `text[:end]`, or -1 if there is none."""
    for token in range(len(specials.offsets) - 1):
        start = specials.offsets[token]
        length = specials.offsets[token + 1] - start
        if position + length <= end:
            same = 0
            while same < length and text[position + same] == specials.bytes_[start + same]:
                same += 1
            if same == length:
                return token
    return -1


@inline
def special_length(token: Int, specials: Any) -> Int:
    """Return the length of a special token in bytes."""
    return specials.offsets[token + 1] - specials.offsets[token]


@inline
def next_special(text: Any, position: Int, end: Int, specials: Any) -> Int:
    """Return the position of the first special token in `text[position:end]`, or `end` if there is none."""
    if len(specials.offsets) == 1:
        return end
    while position < end:
        if specials.only >= 0 and position + 64 <= end:
            found = match_block(text, position, np.uint8(specials.only))
            if not found:
                position += 64
                continue
            position += trailing_zeros(found)
        if specials.starts[text[position]] and special_at(text, position, end, specials) >= 0:
            return position
        position += 1
    return end
