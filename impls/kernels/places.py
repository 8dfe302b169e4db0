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
from impls.kernels.instructions import store_two

HALF, TOP = np.uint64(32), np.uint64(63)
LOW, MOVE = np.uint64((1 << 32) - 1), np.uint64((1 << 63) - 1)


@kernel
def add_widths(ids: Any, widths: Any) -> Int:
    """Return the sum of the widths of `ids`, unsigned integers[n]; both positions must stay below 2**31."""
    total = np.uint64(0)
    for place in range(len(ids)):
        total += widths[ids[place]] & MOVE
    return np.int64(total)


@kernel
def fill_places(ids: Any, places: Any, first: Any, widths: Any) -> Int:
    """Write the border before each token of `ids`, unsigned integers[n], to `places`, int32[3 n].

    A border is three numbers: the number of bytes before the border, the number of the character in which the token
    begins, and the number of characters that begin before the border. The first border is at `first`, uint64[1]:
    bytes | characters << 32. The border after the last token is returned in this form. All positions must stay below
    2**31.
    """
    total = first[0]
    for place in range(len(ids)):
        width = widths[ids[place]]
        # One store for two numbers, since the stores limit the speed.
        store_two(places, 3 * place, total - (width >> TOP << HALF))
        places[3 * place + 2] = np.int64(total >> HALF)
        total += width & MOVE
    return np.int64(total)
