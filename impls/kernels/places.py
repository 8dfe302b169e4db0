"""Where each token of a text begins and ends, in bytes and in characters: running sums over the ids of the text.

A width, uint64, says how far a token moves both positions. Its low half is the number of bytes of the token. Its high
half, without the top bit, is the number of characters that begin in the token. So one addition moves both positions.
The top bit is set if the token begins inside a character.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from impls.kernels.compiler import kernel
from impls.kernels.helpers import Int

HALF, TOP = np.uint64(32), np.uint64(63)
LOW, MOVE = np.uint64((1 << 32) - 1), np.uint64((1 << 63) - 1)


@kernel
def add_widths(ids: Any, widths: Any) -> Int:
    """Return bytes | characters << 32 of `ids`, unsigned integers[n], together; both must stay below 2**31."""
    total = np.uint64(0)
    for place in range(len(ids)):
        total += widths[ids[place]] & MOVE
    return np.int64(total)


@kernel
def fill_places(ids: Any, widths: Any, first_byte: Int, first_character: Int, places: Any) -> None:
    """Write the borders of the tokens of `ids`, unsigned integers[n], to `places`, signed integers[n + 1, 3].

    Row i belongs to the border before token i. Its columns are the number of bytes before the border, the number of
    the character in which token i begins, and the number of characters that begin before the border. The first border
    is at `first_byte` and `first_character`. The middle column of the last row is not written.
    """
    total = np.uint64(0)
    for place in range(len(ids)):
        width = widths[ids[place]]
        character = first_character + np.int64(total >> HALF)
        places[place, 0] = first_byte + np.int64(total & LOW)
        places[place, 1] = character - np.int64(width >> TOP)
        places[place, 2] = character
        total += width & MOVE
    places[len(ids), 0] = first_byte + np.int64(total & LOW)
    places[len(ids), 2] = first_character + np.int64(total >> HALF)
