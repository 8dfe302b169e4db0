"""The merge loop over flat arrays: it does what `train.incremental` does, but without a Python object per symbol.

Layout. All pretokens stand one after the other with a gap of one position between them. `head[p]` is the id of the
token that begins at position p, or -1 if no token begins there. `tail[p]` is the id of the token that ends at p, or
-1. Each byte of a pretoken has one position, so the neighbours of a token are found from its length, and no links are
kept. Each pair has a slot, an index into arrays such as `counts`. The first 65,536 slots belong to the pairs of
bytes, and the slots of other pairs are found with a hash table. All occurrences of a pair appear in one step, namely
the step that makes the newer of the two tokens of the pair. So the positions of a pair form one run in `pool`, in
ascending order, and this run never grows. A later merge may destroy an occurrence. The ids in `head` at the two
tokens of the pair then differ from the pair.

A step adds up the changes of counts for each neighbour, not for each occurrence. For a neighbour x, the pair `(x,
left)` loses exactly the count that `(x, new)` gains. So the hash table is searched once per distinct neighbour.

Example. The pretokens are `abab` (twice in the text), `cab` (three times) and `abc` (four times). Positions are
counted from the first gap, `.` is -1:

    position   0   1   2   3   4   5   6   7   8   9  10  11  12  13
    head       .   a   b   a   b   .   c   a   b   .   a   b   c   .
    tail       .   a   b   a   b   .   c   a   b   .   a   b   c   .

    pair        count  positions
    a b            11  1 3 7 10
    b a             2  2
    b c             4  11
    c a             3  6

The first merge takes `a b`, since 2 + 2 + 3 + 4 occurrences are the most, and visits its four positions:

    head       .  ab   .  ab   .   .   c  ab   .   .  ab   .   c   .
    tail       .   a  ab   a  ab   .   c   a  ab   .   a  ab   c   .

    pair        count  positions
    a b             0  1 3 7 10
    b a             0  2
    b c             0  11
    c a             0  6
    ab ab           2  1
    c ab            3  6
    ab a            0  1
    ab c            4  10

The pair `c a` lost its count of 3, which `c ab` gained. When the step visited position 1, the right neighbour was
still `a`, so the pair `ab a` was noted. The next occurrence, at position 3, turned that `a` into `ab`, and `ab a`
lost its count again. The second merge takes `ab c`.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from impls.kernels.compiler import kernel
from impls.kernels.helpers import Int, inline
from impls.kernels.instructions import prefetch_row
from impls.kernels.keys import pair_slot
from impls.kernels.merge_state import (
    BYTE_PAIRS,
    LONGEST,
    MERGES_DONE,
    MINIMUM,
    POOL_USED,
    SLOTS,
    THRESHOLD,
    TOKENS,
    prefix_of,
)
from impls.kernels.pair_heap import best_slot, push, push_admitted, replace_root

AHEAD = 8
"""The memory of an occurrence or of a neighbour is fetched this many steps of the loop before it is used."""

DONE, EXHAUSTED, GROW_POOL, GROW_SLOTS = range(4)
"""The status tells why `run_merges` returned."""


@kernel
def index_byte_pairs(state: Any) -> None:
    """Write the positions of all pairs of bytes to the pool and start the heap."""
    for position in range(257, len(state.head) - 1):
        left = np.int64(state.head[position])
        right = np.int64(state.head[position + 1])
        if left >= 0 and right >= 0:
            slot = (left << 8) | right
            state.pool[state.starts[slot]] = position
            state.starts[slot] += 1
    highest = np.int64(1)
    for byte_pair in range(BYTE_PAIRS):
        state.starts[byte_pair] -= state.sizes[byte_pair]
        highest = max(highest, state.counts[byte_pair])
    state.numbers[THRESHOLD] = (highest + 1) >> 1
    push_admitted(state)


@inline
def slot_of_pair(left: Int, right: Int, state: Any) -> Int:
    """Return the slot of a pair that exists."""
    if left < 256 and right < 256:
        return (left << 8) | right
    pair = (left << 32) | right
    mask = len(state.table) - 1
    entry = pair_slot(pair, mask)
    while state.table[entry, 0] != pair + 1:
        entry = (entry + 1) & mask
    return state.table[entry, 1]


@inline
def insert_pair(pair: Int, slot: Int, table: Any) -> None:
    """Enter a new pair in the hash table."""
    mask = len(table) - 1
    entry = pair_slot(pair, mask)
    while table[entry, 0]:
        entry = (entry + 1) & mask
    table[entry, 0] = pair + 1
    table[entry, 1] = slot


@kernel
def refill_table(state: Any) -> None:
    """Enter all slots after the slots of byte pairs in an empty hash table."""
    for slot in range(BYTE_PAIRS, state.numbers[SLOTS]):
        insert_pair(state.pairs[slot], slot, state.table)


@inline
def note(side: Int, neighbour: Int, position: Int, weight: Int, n: Int, distinct: Int, state: Any) -> Int:
    """Record that this step made a pair with `neighbour` at `position`.

    Returns how many distinct neighbours there are.
    """
    state.events[side, 0, n] = neighbour
    state.events[side, 1, n] = position
    if not state.filled[side, neighbour]:
        state.touched[side, distinct] = neighbour
        distinct += 1
    state.filled[side, neighbour] += 1
    state.gained[side, neighbour] += weight
    return distinct


@inline
def create_pair(left: Int, right: Int, count: Int, size: Int, state: Any) -> Int:
    """Open a slot for a new pair with room for `size` positions; returns where they go."""
    slot = state.numbers[SLOTS]
    start = state.numbers[POOL_USED]
    state.numbers[SLOTS] += 1
    state.numbers[POOL_USED] += size
    state.pairs[slot] = (left << 32) | right
    state.counts[slot] = count
    state.starts[slot] = start
    state.sizes[slot] = size
    state.queued[slot] = False
    insert_pair(state.pairs[slot], slot, state.table)
    if count >= state.numbers[THRESHOLD]:
        push(slot, state)
    return start


@inline
def apply_merge(merged_slot: Int, new: Int, state: Any) -> None:
    """Replace every occurrence of a pair by the token `new` and bring counts and positions up to date."""
    left, right = state.pairs[merged_slot] >> 32, state.pairs[merged_slot] & 0xFFFFFFFF
    left_length, new_length = np.int64(state.length[left]), np.int64(state.length[new])
    n_left = n_right = distinct_left = distinct_right = 0
    chained = np.int64(0)
    begin = state.starts[merged_slot]
    last = begin + state.sizes[merged_slot] - 1
    for place in range(begin, last + 1):
        ahead = np.int64(state.pool[min(place + AHEAD, last)])
        prefetch_row(state.head, ahead)
        prefetch_row(state.tail, ahead)
        prefetch_row(state.word, ahead)
        position = np.int64(state.pool[place])
        if state.head[position] != left or state.head[position + left_length] != right:
            continue
        weight = state.weights[state.word[position]]
        after = position + new_length
        before = np.int64(state.tail[position - 1])
        if before >= 0:
            start = position - state.length[before]
            distinct_left = note(0, before, start, weight, n_left, distinct_left, state)
            n_left += 1
            if before == new:  # The occurrence before this one was just merged: its pair (new, left) is gone again.
                chained += weight
        following = np.int64(state.head[after])
        if following >= 0:
            distinct_right = note(1, following, position, weight, n_right, distinct_right, state)
            n_right += 1
        state.head[position + left_length] = -1
        state.head[position] = new
        state.tail[after - 1] = new
    mask = len(state.table) - 1
    for index in range(distinct_left):
        ahead = np.int64(state.touched[0, min(index + AHEAD, distinct_left - 1)])
        prefetch_row(state.table, pair_slot((ahead << 32) | left, mask))
        prefetch_row(state.table, pair_slot((ahead << 32) | new, mask))
        before = np.int64(state.touched[0, index])
        if before != new:
            state.counts[slot_of_pair(before, left, state)] -= state.gained[0, before]
        state.filled[0, before] = create_pair(before, new, state.gained[0, before], state.filled[0, before], state)
        state.gained[0, before] = 0
    for index in range(distinct_right):
        ahead = np.int64(state.touched[1, min(index + AHEAD, distinct_right - 1)])
        prefetch_row(state.table, pair_slot((right << 32) | ahead, mask))
        prefetch_row(state.table, pair_slot((new << 32) | ahead, mask))
        following = np.int64(state.touched[1, index])
        gained = state.gained[1, following]
        state.counts[slot_of_pair(right, following, state)] -= gained
        if following == left:
            gained -= chained
        state.filled[1, following] = create_pair(new, following, gained, state.filled[1, following], state)
        state.gained[1, following] = 0
    for side in range(2):
        for index in range(n_left if side == 0 else n_right):
            neighbour = state.events[side, 0, index]
            state.pool[state.filled[side, neighbour]] = state.events[side, 1, index]
            state.filled[side, neighbour] += 1
        for index in range(distinct_left if side == 0 else distinct_right):
            state.filled[side, state.touched[side, index]] = 0
    state.counts[merged_slot] = 0


@inline
def position_of(slot: Int, left: Int, right: Int, state: Any) -> Int:
    """Return a position at which the pair occurs now; the bytes from there on become the bytes of the new token."""
    place = state.starts[slot]
    while True:
        position = np.int64(state.pool[place])
        if state.head[position] == left and state.head[position + state.length[left]] == right:
            return position
        place += 1


@kernel
def run_merges(state: Any, n_merges: Int) -> Int:
    """Merge until `n_merges` are done in all, no pair may be merged, or an array must grow; return the status.

    If a merge might not fit into the arrays, the kernel does not begin it. The caller then enlarges the array and
    calls again.
    """
    while state.numbers[MERGES_DONE] < n_merges:
        slot = best_slot(state)
        if slot < 0 or state.counts[slot] < state.numbers[MINIMUM]:
            return EXHAUSTED
        left, right = state.pairs[slot] >> 32, state.pairs[slot] & 0xFFFFFFFF
        length = np.int64(state.length[left]) + np.int64(state.length[right])
        if length > state.numbers[LONGEST]:
            replace_root(state)
            state.queued[slot] = True  # So the pair never enters the heap again.
            continue
        most = 2 * state.sizes[slot]
        if state.numbers[POOL_USED] + most > len(state.pool):
            return GROW_POOL
        distinct = min(most, 2 * state.numbers[TOKENS] + 2)
        if state.numbers[SLOTS] + distinct > len(state.pairs):
            return GROW_SLOTS
        done, new = state.numbers[MERGES_DONE], state.numbers[TOKENS]
        state.merges[done, 0] = left
        state.merges[done, 1] = right
        state.merge_counts[done] = state.counts[slot]
        state.length[new] = length
        state.first[new] = position_of(slot, left, right, state)
        state.prefix[new] = prefix_of(state.first[new], length, state)
        state.numbers[TOKENS] += 1
        state.numbers[MERGES_DONE] += 1
        replace_root(state)
        apply_merge(slot, new, state)
    return DONE
