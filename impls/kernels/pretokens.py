"""The ids of pretokens that are cut out already: each pretoken is merged by itself, without a cache."""

from __future__ import annotations

from typing import Any

import numpy as np

from impls.kernels.compiler import kernel
from impls.kernels.encode import merge
from impls.kernels.helpers import Int


@kernel
def encode_each(bytes_: Any, offsets: Any, ranks: Any, cache: Any, ids: Any, ends: Any) -> Int:
    """Write the ids of all pretokens.

    Args:
        bytes_: uint8[total], the pretokens, one after the other.
        offsets: int64[n + 1], where each pretoken begins and ends.
        ranks: the merges.
        cache: its scratch arrays must have room for the longest pretoken; its table is not used.
        ids: int32[total], the output: the ids of all pretokens, one pretoken after the other.
        ends: int64[n + 1], the output: after the first entry, which stays 0, where the ids of each pretoken end.

    Returns:
        The number of ids; or minus a status of `kernels.encode`, with a detail in the numbers of the cache.
    """
    written = np.int64(0)
    for row in range(len(offsets) - 1):
        left = merge(bytes_, offsets[row], offsets[row + 1] - offsets[row], ranks, cache)
        if left < 0:
            return left
        for place in range(left):
            ids[written + place] = cache.symbols[0, place]
        written += left
        ends[row + 1] = written
    return written
