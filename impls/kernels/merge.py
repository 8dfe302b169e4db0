"""The merge loop over flat arrays: what `train.incremental` does, without an object a symbol.

Layout. All pretokens stand one behind the other with a gap of one position between them. `head[p]` is the id of the
token that begins at position p, `tail[p]` that of the token which ends there, -1 elsewhere; since positions are
bytes, the neighbours of a token are found from its length and no links are kept. Pairs live in slots: the first
65,536 are the pairs of bytes, the rest are found through a hash table. All occurrences of a pair appear in the one
step that makes the younger of its tokens, so that each pair owns one run of positions in `pool`, ascending and never
extended; an occurrence that a merge has since destroyed is seen by comparing `head` at both ends.

A step collects what changed by neighbour, not by occurrence: `(x, left)` loses exactly what `(x, new)` gains, so that
each distinct neighbour costs one probe.

The best pair comes from a heap with stale counts (existing pairs only lose). Only pairs above `THRESHOLD` are in it;
when it runs dry the threshold is halved and the slots are swept. Most pairs are rare and never enter.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from impls.kernels.compiler import Int, inline, kernel
from impls.kernels.instructions import prefetch_row
from impls.kernels.keys import pair_slot

BYTE_PAIRS = 1 << 16

AHEAD = 8
"""Occurrences that are on their way while another is looked at."""

TOKENS, SLOTS, POOL_USED, HEAP_USED, THRESHOLD, MERGES_DONE = range(6)
"""Places in `State.numbers`."""

DONE, EXHAUSTED, GROW_POOL, GROW_SLOTS = range(4)
"""Why `run_merges` returned."""


class State(NamedTuple):
    """All that the merge loop works on; n positions, t tokens at most, s slots, h heap entries.

    Attributes:
        bytes_: uint8[n], the text at each position (0 in gaps), after the 256 single bytes.
        head: int32[n], id of the token that begins here, else -1.
        tail: int32[n], id of the token that ends here, else -1.
        word: int32[n], the pretoken that a position belongs to.
        weights: int64[words], counts of the pretokens.
        first: int64[t], a position at which each token stands.
        length: int32[t], of each token in bytes.
        prefix: uint64[t], the first eight bytes of each token, the first on top, zeros behind the last.
        order: int64[t], "huggingface": rank of each token in ties; length 0: the greatest bytes win.
        pairs: int64[s], left << 32 | right of each slot.
        counts: int64[s], occurrences of each pair.
        starts: int64[s], where the positions of a pair begin in the pool.
        sizes: int64[s], how many there are, stale ones included.
        queued: bool[s], whether a slot is in the heap.
        table: int64[power of two, 2], open addressing from pair + 1 to slot.
        pool: int32[...], positions.
        heap_counts: int64[h], counts when pushed.
        heap_slots: int32[h].
        events: int32[2, 2, largest pair], neighbour and position of what a step creates, left and right.
        gained: int64[2, t], scratch: weight by neighbour, left and right.
        filled: int64[2, t], scratch: occurrences by neighbour, then where the next one goes in the pool.
        touched: int32[2, t], scratch: distinct neighbours.
        merges: int32[m, 2], the result.
        merge_counts: int64[m], count of each merged pair.
        numbers: int64[6], see the places above.
    """

    bytes_: NDArray[np.uint8]
    head: NDArray[np.int32]
    tail: NDArray[np.int32]
    word: NDArray[np.int32]
    weights: NDArray[np.int64]
    first: NDArray[np.int64]
    length: NDArray[np.int32]
    prefix: NDArray[np.uint64]
    order: NDArray[np.int64]
    pairs: NDArray[np.int64]
    counts: NDArray[np.int64]
    starts: NDArray[np.int64]
    sizes: NDArray[np.int64]
    queued: NDArray[np.bool_]
    table: NDArray[np.int64]
    pool: NDArray[np.int32]
    heap_counts: NDArray[np.int64]
    heap_slots: NDArray[np.int32]
    events: NDArray[np.int32]
    gained: NDArray[np.int64]
    filled: NDArray[np.int64]
    touched: NDArray[np.int32]
    merges: NDArray[np.int32]
    merge_counts: NDArray[np.int64]
    numbers: NDArray[np.int64]


@inline
def prefix_of(position: Int, length: Int, state: Any) -> Any:
    """Return the first eight bytes of a token that stands at `position`, for comparisons."""
    prefix = np.uint64(0)
    for place in range(min(length, 8)):
        prefix |= np.uint64(state.bytes_[position + place]) << np.uint64(56 - 8 * place)
    return prefix


@kernel
def lay_out(bytes_: Any, offsets: Any, state: Any) -> None:
    """Write pretokens, uint8[total] and int64[n + 1], to the positions behind the single bytes."""
    for byte in range(256):
        state.bytes_[byte] = byte
        state.first[byte] = byte
        state.length[byte] = 1
        state.prefix[byte] = prefix_of(byte, 1, state)
        state.head[byte] = -1
        state.tail[byte] = -1
    position = 256
    for row in range(len(offsets) - 1):
        state.head[position] = -1
        state.tail[position] = -1
        position += 1
        for place in range(offsets[row], offsets[row + 1]):
            state.bytes_[position] = bytes_[place]
            state.head[position] = bytes_[place]
            state.tail[position] = bytes_[place]
            state.word[position] = row
            position += 1
    state.head[position] = -1
    state.tail[position] = -1
    state.numbers[TOKENS] = 256
    state.numbers[SLOTS] = BYTE_PAIRS


@kernel
def count_byte_pairs(state: Any) -> Int:
    """Count all pairs of bytes and size their runs of positions; returns the size of the largest."""
    for position in range(257, len(state.head) - 1):
        left = np.int64(state.head[position])
        right = np.int64(state.head[position + 1])
        if left >= 0 and right >= 0:
            slot = (left << 8) | right
            state.counts[slot] += state.weights[state.word[position]]
            state.sizes[slot] += 1
    largest = np.int64(0)
    total = np.int64(0)
    for byte_pair in range(BYTE_PAIRS):
        state.pairs[byte_pair] = ((byte_pair >> 8) << 32) | (byte_pair & 255)
        state.starts[byte_pair] = total
        total += state.sizes[byte_pair]
        largest = max(largest, state.sizes[byte_pair])
    state.numbers[POOL_USED] = total
    return largest


@inline
def compare_tokens(left: Int, right: Int, state: Any) -> Int:
    """Compare the bytes of two tokens: negative, zero or positive."""
    if state.prefix[left] != state.prefix[right]:
        return 1 if state.prefix[left] > state.prefix[right] else -1
    start, other = state.first[left], state.first[right]
    size, other_size = np.int64(state.length[left]), np.int64(state.length[right])
    for place in range(min(size, other_size)):
        difference = np.int64(state.bytes_[start + place]) - np.int64(state.bytes_[other + place])
        if difference:
            return difference
    return size - other_size


@inline
def wins_tie(slot: Int, other: Int, state: Any) -> Any:
    """Tell whether the pair in `slot` is merged before another one with the same count."""
    left, right = state.pairs[slot] >> 32, state.pairs[slot] & 0xFFFFFFFF
    other_left, other_right = state.pairs[other] >> 32, state.pairs[other] & 0xFFFFFFFF
    if len(state.order):
        if left != other_left:
            return state.order[left] < state.order[other_left]
        return state.order[right] < state.order[other_right]
    if left != other_left:
        return compare_tokens(left, other_left, state) > 0
    return compare_tokens(right, other_right, state) > 0


@inline
def comes_first(count: Int, slot: Int, other_count: Int, other: Int, state: Any) -> Any:
    """Order the heap: higher count first, then the law of ties."""
    return count > other_count or (count == other_count and wins_tie(slot, other, state))


@inline
def sift_down(count: Int, slot: Int, state: Any) -> None:
    """Put an entry at the root of the heap and let it sink."""
    used = state.numbers[HEAP_USED]
    place = 0
    while True:
        child = 2 * place + 1
        if child >= used:
            break
        if child + 1 < used and comes_first(
            state.heap_counts[child + 1],
            state.heap_slots[child + 1],
            state.heap_counts[child],
            state.heap_slots[child],
            state,
        ):
            child += 1
        if not comes_first(state.heap_counts[child], state.heap_slots[child], count, slot, state):
            break
        state.heap_counts[place] = state.heap_counts[child]
        state.heap_slots[place] = state.heap_slots[child]
        place = child
    state.heap_counts[place] = count
    state.heap_slots[place] = slot


@inline
def push(slot: Int, state: Any) -> None:
    """Add a slot to the heap with its present count."""
    count = state.counts[slot]
    place = state.numbers[HEAP_USED]
    state.numbers[HEAP_USED] += 1
    while place:
        parent = (place - 1) >> 1
        if not comes_first(count, slot, state.heap_counts[parent], state.heap_slots[parent], state):
            break
        state.heap_counts[place] = state.heap_counts[parent]
        state.heap_slots[place] = state.heap_slots[parent]
        place = parent
    state.heap_counts[place] = count
    state.heap_slots[place] = slot
    state.queued[slot] = True


@inline
def replace_root(state: Any) -> None:
    """Remove the root of the heap."""
    state.queued[state.heap_slots[0]] = False
    state.numbers[HEAP_USED] -= 1
    used = state.numbers[HEAP_USED]
    if used:
        sift_down(state.heap_counts[used], np.int64(state.heap_slots[used]), state)


@inline
def push_admitted(state: Any) -> None:
    """Push every pair that the threshold admits and that is not in the heap."""
    for slot in range(state.numbers[SLOTS]):
        if state.counts[slot] >= state.numbers[THRESHOLD] and not state.queued[slot]:
            push(slot, state)


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
def best_slot(state: Any) -> Int:
    """Return the slot of the best pair, which stays at the root of the heap; -1 if no pair is left."""
    while True:
        if not state.numbers[HEAP_USED]:
            if state.numbers[THRESHOLD] == 1:
                return -1
            state.numbers[THRESHOLD] >>= 1
            push_admitted(state)
            continue
        slot = np.int64(state.heap_slots[0])
        count = state.counts[slot]
        if count == state.heap_counts[0]:
            return slot
        if count >= state.numbers[THRESHOLD]:
            sift_down(count, slot, state)
        else:
            replace_root(state)


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
    """Enter all slots behind the byte pairs in an empty hash table."""
    for slot in range(BYTE_PAIRS, state.numbers[SLOTS]):
        insert_pair(state.pairs[slot], slot, state.table)


@inline
def note(side: Int, neighbour: Int, position: Int, weight: Int, n: Int, distinct: Int, state: Any) -> Int:
    """Record that a step made a pair with `neighbour` at `position`; returns the number of distinct neighbours."""
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
            if before == new:  # The occurrence before this one was merged a moment ago: (new, left) is gone again.
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
    """Return a position at which the pair stands now; its bytes are those of the new token from then on."""
    place = state.starts[slot]
    while True:
        position = np.int64(state.pool[place])
        if state.head[position] == left and state.head[position + state.length[left]] == right:
            return position
        place += 1


@kernel
def run_merges(state: Any, n_merges: Int) -> Int:
    """Merge until `n_merges` are done in all, no pair is left, or an array must grow; tells which.

    A state that had to grow is as it was before the merge that did not fit, so that the loop goes on with it.
    """
    while state.numbers[MERGES_DONE] < n_merges:
        slot = best_slot(state)
        if slot < 0:
            return EXHAUSTED
        most = 2 * state.sizes[slot]
        if state.numbers[POOL_USED] + most > len(state.pool):
            return GROW_POOL
        distinct = min(most, 2 * state.numbers[TOKENS] + 2)
        if state.numbers[SLOTS] + distinct > len(state.pairs):
            return GROW_SLOTS
        done, new = state.numbers[MERGES_DONE], state.numbers[TOKENS]
        left, right = state.pairs[slot] >> 32, state.pairs[slot] & 0xFFFFFFFF
        state.merges[done, 0] = left
        state.merges[done, 1] = right
        state.merge_counts[done] = state.counts[slot]
        state.length[new] = state.length[left] + state.length[right]
        state.first[new] = position_of(slot, left, right, state)
        state.prefix[new] = prefix_of(state.first[new], np.int64(state.length[new]), state)
        state.numbers[TOKENS] += 1
        state.numbers[MERGES_DONE] += 1
        replace_root(state)
        apply_merge(slot, new, state)
    return DONE
