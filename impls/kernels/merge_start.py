"""The state of the merge loop when training goes on from tokens that exist already, not from single bytes.

Each pretoken is then a sequence of such tokens. As after a merge, `head` holds a token where the token begins, `tail`
where it ends, and both hold -1 in between.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from impls.kernels.compiler import kernel
from impls.kernels.helpers import Int, inline
from impls.kernels.keys import pair_slot
from impls.kernels.merge import DONE, GROW_SLOTS, insert_pair
from impls.kernels.merge_state import POOL_USED, POSITION, SLOTS, THRESHOLD, TOKENS, prefix_of
from impls.kernels.pair_heap import push_admitted


@kernel
def lay_out_start(first: Int, ends: Any, ids: Any, offsets: Any, state: Any) -> None:
    """Enter the tokens after the single bytes, and write the pretokens as sequences of tokens.

    Args:
        first: the place in `State.bytes_` at which the bytes of the first of these tokens begin.
        ends: int64[t], where the bytes of each of these tokens end, counted from `first`.
        ids: int32[total], the tokens of all pretokens. See `contract.Start`.
        offsets: int64[n + 1]. See `contract.Start`.
        state: the state after `lay_out`.
    """
    begin = np.int64(0)
    for index in range(len(ends)):
        made = 256 + index
        state.first[made] = first + begin
        state.length[made] = ends[index] - begin
        state.prefix[made] = prefix_of(first + begin, ends[index] - begin, state)
        begin = ends[index]
    state.numbers[TOKENS] = 256 + len(ends)
    state.numbers[POSITION] = 257
    position = np.int64(257)
    for row in range(len(offsets) - 1):
        for place in range(offsets[row], offsets[row + 1]):
            token = np.int64(ids[place])
            length = np.int64(state.length[token])
            for inner in range(position, position + length):
                state.head[inner] = -1
                state.tail[inner] = -1
            state.head[position] = token
            state.tail[position + length - 1] = token
            position += length
        position += 1


@inline
def slot_or_none(left: Int, right: Int, state: Any) -> Int:
    """Return the slot of a pair, or -1 if the pair has no slot yet."""
    if left < 256 and right < 256:
        return (left << 8) | right
    pair = (left << 32) | right
    mask = len(state.table) - 1
    entry = pair_slot(pair, mask)
    while state.table[entry, 0]:
        if state.table[entry, 0] == pair + 1:
            return state.table[entry, 1]
        entry = (entry + 1) & mask
    return np.int64(-1)


@kernel
def count_start_pairs(state: Any) -> Int:
    """Count all pairs from POSITION on; return DONE, or GROW_SLOTS if there are no slots left for new pairs.

    After GROW_SLOTS, the caller enlarges the slots and calls again.
    """
    end = len(state.head) - 1
    position = state.numbers[POSITION]
    while position < end:
        left = np.int64(state.head[position])
        following = position + (np.int64(state.length[left]) if left >= 0 else np.int64(1))
        if left >= 0 and state.head[following] >= 0:
            right = np.int64(state.head[following])
            slot = slot_or_none(left, right, state)
            if slot < 0:
                slot = state.numbers[SLOTS]
                if slot == len(state.pairs):
                    state.numbers[POSITION] = position
                    return GROW_SLOTS
                state.numbers[SLOTS] += 1
                state.pairs[slot] = (left << 32) | right
                insert_pair(state.pairs[slot], slot, state.table)
            state.counts[slot] += state.weights[state.word[position]]
            state.sizes[slot] += 1
        position = following
    return DONE


@kernel
def reserve_start_pairs(state: Any) -> Int:
    """Reserve room in the pool for the positions of all pairs; return the most positions of a pair."""
    largest = total = np.int64(0)
    for slot in range(state.numbers[SLOTS]):
        if slot < 65536:
            state.pairs[slot] = ((slot >> 8) << 32) | (slot & 255)
        state.starts[slot] = total
        total += state.sizes[slot]
        largest = max(largest, state.sizes[slot])
    state.numbers[POOL_USED] = total
    return largest


@kernel
def index_start_pairs(state: Any) -> None:
    """Write the positions of all pairs to the pool and start the heap."""
    end = len(state.head) - 1
    position = np.int64(257)
    while position < end:
        left = np.int64(state.head[position])
        following = position + (np.int64(state.length[left]) if left >= 0 else np.int64(1))
        if left >= 0 and state.head[following] >= 0:
            slot = slot_or_none(left, np.int64(state.head[following]), state)
            state.pool[state.starts[slot]] = position
            state.starts[slot] += 1
        position = following
    highest = np.int64(1)
    for slot in range(state.numbers[SLOTS]):
        state.starts[slot] -= state.sizes[slot]
        highest = max(highest, state.counts[slot])
    state.numbers[THRESHOLD] = (highest + 1) >> 1
    push_admitted(state)
