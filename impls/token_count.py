"""How many tokens a text has; with a limit, the count stops soon after the limit."""

from __future__ import annotations

from collections.abc import Callable

from impls.contract import Ids
from impls.cuts import SafeCuts

BYTES_PER_ID = 4
"""About the bytes of a token in ordinary text; a wrong guess costs time only."""

LEAST_BYTES = 256
"""Bytes that are encoded at a time, at least."""


def count_up_to(limit: int, content: bytes, cuts: SafeCuts, encode: Callable[[bytes], Ids]) -> int:
    """Return the number of ids of a text, or `limit` + 1 if it has more than `limit`.

    The text is encoded part by part, cut at safe places, until the count is above the limit.
    """
    n_ids = 0
    part_bytes = max(LEAST_BYTES, BYTES_PER_ID * limit // 2)
    for start, stop in cuts.ranges(lambda start, stop: content[start:stop], 0, len(content), part_bytes):
        n_ids += len(encode(content[start:stop]))
        if n_ids > limit:
            return limit + 1
    return n_ids
