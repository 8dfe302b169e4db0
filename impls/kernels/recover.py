"""The merge that makes each token, recovered from the ranks of the tokens alone.

A rank file says which tokens there are and in which order they are merged, but not of which two tokens each one is
made. An encoder that works by ranks joins the two neighbours whose joined bytes have the lowest rank. Encoding the
bytes of a token in this way ends with the merge that makes it. No other merge makes this token anywhere in a text:
what happens between two ends of tokens does not depend on the text outside. So these merges give the same ids as the
ranks.
"""

from __future__ import annotations

from typing import Any

from impls.kernels.compiler import kernel
from impls.kernels.helpers import Int, inline
from impls.kernels.keys import SHORT_BYTES, key_of, same_bytes, slot_of

NO_RANK = 0x7FFFFFFF


@inline
def rank_of_bytes(text: Any, start: Int, stop: Int, offsets: Any, table: Any, keys: Any) -> Int:
    """Return the rank of the token with the bytes `text[start:stop]`, or `NO_RANK` if there is no such token."""
    low, high = key_of(text, start, stop - start)
    mask = len(table) - 1
    slot = slot_of(low, high, mask)
    while table[slot] >= 0:
        rank = table[slot]
        if (
            keys[rank, 0] == low
            and keys[rank, 1] == high
            and (stop - start <= SHORT_BYTES or same_bytes(text, start, text, offsets[rank], stop - start))
        ):
            return rank
        slot = (slot + 1) & mask
    return NO_RANK


@inline
def last_merge(text: Any, rank: Int, offsets: Any, table: Any, keys: Any, starts: Any, found: Any) -> Int:
    """Merge the bytes of a token until its last merge; return where its right part begins.

    Returns -1 if no merge makes the token.

    `starts` and `found` are scratch: the starts of the parts, and the rank of each part joined with the next one.
    """
    first, stop = offsets[rank], offsets[rank + 1]
    n = stop - first
    for place in range(n):
        starts[place] = first + place
    starts[n] = stop
    for place in range(n - 1):
        found[place] = rank_of_bytes(text, starts[place], starts[place + 2], offsets, table, keys)
    while n > 2:
        best = 0
        for place in range(1, n - 1):
            if found[place] < found[best]:
                best = place
        if found[best] == NO_RANK:
            return -1
        n -= 1
        for place in range(best + 1, n + 1):
            starts[place] = starts[place + 1]
        for place in range(best + 1, n - 1):
            found[place] = found[place + 1]
        if best:
            found[best - 1] = rank_of_bytes(text, starts[best - 1], starts[best + 1], offsets, table, keys)
        if best < n - 1:
            found[best] = rank_of_bytes(text, starts[best], starts[best + 2], offsets, table, keys)
    return starts[1]


@kernel
def recover_merges(
    text: Any, offsets: Any, table: Any, keys: Any, starts: Any, found: Any, left: Any, right: Any
) -> None:
    """Find the ranks of the two tokens that each token is made of.

    Args:
        text: uint8[total], the bytes of the tokens, in order of rank; no two tokens are equal.
        offsets: int64[n + 1]; the token of rank i is `text[offsets[i]:offsets[i + 1]]`.
        table: int32[power of two above n], all -1: the hash table that is filled with ranks.
        keys: uint64[n, 2]: the keys of the tokens, which are filled in.
        starts: int64[longest token + 1], scratch.
        found: int64[longest token + 1], scratch.
        left: int32[n], the result: the rank of the left token, or -1 for a byte or a token that no merge makes.
        right: int32[n], the result: the rank of the right token, or -1.
    """
    mask = len(table) - 1
    for rank in range(len(left)):
        low, high = key_of(text, offsets[rank], offsets[rank + 1] - offsets[rank])
        keys[rank, 0] = low
        keys[rank, 1] = high
        slot = slot_of(low, high, mask)
        while table[slot] >= 0:
            slot = (slot + 1) & mask
        table[slot] = rank
    for rank in range(len(left)):
        left[rank] = -1
        right[rank] = -1
        if offsets[rank + 1] - offsets[rank] > 1:
            middle = last_merge(text, rank, offsets, table, keys, starts, found)
            if middle >= 0:
                left[rank] = rank_of_bytes(text, offsets[rank], middle, offsets, table, keys)
                right[rank] = rank_of_bytes(text, middle, offsets[rank + 1], offsets, table, keys)
