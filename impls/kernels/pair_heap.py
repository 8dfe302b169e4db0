"""The heap of pairs that may be merged next: the highest count comes first, then the tie-break decides.

Counts in the heap may be out of date. The count of an existing pair never rises. If the entry at the root has a count
that is out of date, it gets the true count and sinks. The heap holds only pairs with a count of at least `THRESHOLD`.
When the heap is empty, the threshold is halved, and all slots are searched for pairs that reach it. Most pairs are
rare and never enter the heap.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from impls.kernels.helpers import Int, inline
from impls.kernels.merge_state import HEAP_USED, MINIMUM, SLOTS, THRESHOLD


@inline
def compare_tokens(left: Int, right: Int, state: Any) -> Int:
    """Compare the bytes of two tokens; the result is negative, zero or positive, as for `left - right`."""
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
    """Tell whether the pair in `slot` is merged before the pair in `other`, which has the same count."""
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
    """Order the heap: the higher count comes first, then the tie-break decides."""
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
    """Push every pair with a count of at least the threshold that is not in the heap."""
    for slot in range(state.numbers[SLOTS]):
        if state.counts[slot] >= state.numbers[THRESHOLD] and not state.queued[slot]:
            push(slot, state)


@inline
def best_slot(state: Any) -> Int:
    """Return the slot of the best pair, which stays at the root of the heap; or -1 if no pair is left.

    Pairs with a count below MINIMUM may be left out or not.
    """
    while True:
        if not state.numbers[HEAP_USED]:
            if state.numbers[THRESHOLD] <= state.numbers[MINIMUM]:
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
