"""The state of the merge loop: its arrays, and how pretokens and pairs of bytes are laid out in them."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from impls.kernels.compiler import kernel
from impls.kernels.helpers import Int, inline

BYTE_PAIRS = 1 << 16

TOKENS, SLOTS, POOL_USED, HEAP_USED, THRESHOLD, MERGES_DONE, MINIMUM, LONGEST, POSITION = range(9)
"""Indices of `State.numbers`: numbers of tokens, slots, pool entries and heap entries in use; the lowest count in the
heap; the number of merges done; the lowest count of a pair that is merged, at least 1; the bytes of the longest token
that a merge may make; the position at which `count_start_pairs` goes on."""


class State(NamedTuple):
    """The arrays of the merge loop: n positions, at most t tokens, s slots, h heap entries.

    Attributes:
        bytes_: uint8[n + b], the 256 single bytes, then the byte of the text at each position, 0 in gaps. If training
            goes on from tokens that exist already, their b bytes come last.
        head: int32[n], id of the token that begins at a position, or -1 if none begins there.
        tail: int32[n], id of the token that ends at a position, or -1 if none ends there.
        word: int32[n], number of the pretoken that a position belongs to.
        weights: int64[words], counts of the pretokens.
        first: int64[t], a position at which the bytes of each token begin.
        length: int32[t], length of each token in bytes.
        prefix: uint64[t], the first eight bytes of each token, first byte on top, zeros after the last byte.
        order: int64[t], rank of each token in ties for "huggingface"; an empty array for "greatest".
        pairs: int64[s], the pair of each slot, as left << 32 | right.
        counts: int64[s], occurrences of each pair.
        starts: int64[s], the index in the pool at which the positions of a pair begin.
        sizes: int64[s], number of positions of each pair in the pool, also of destroyed occurrences.
        queued: bool[s], whether a slot is in the heap.
        table: int64[power of two, 2], hash table with open addressing; an entry holds pair + 1 and the slot of the
            pair.
        pool: int32[p], the positions of all pairs, one pair after the other.
        heap_counts: int64[h], count of each heap entry when it was pushed.
        heap_slots: int32[h], slot of each heap entry.
        events: int32[2, 2, most positions of a pair], scratch. First index: left or right of the merged pair. Second
            index: the neighbour, or the position of the pair made with it.
        gained: int64[2, t], scratch: the count that the pair with each neighbour gains, left and right.
        filled: int64[2, t], scratch: occurrences of each neighbour, and later its next free index in the pool, left
            and right.
        touched: int32[2, t], scratch: the distinct neighbours, left and right.
        merges: int32[m, 2], the pairs merged so far, which are the result.
        merge_counts: int64[m], count of each merged pair.
        numbers: int64[9], counters and limits; TOKENS and the other indices above say what each holds.
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
    """Return the first eight bytes of the token at `position` as a uint64, for comparisons. See `State.prefix`."""
    prefix = np.uint64(0)
    for place in range(min(length, 8)):
        prefix |= np.uint64(state.bytes_[position + place]) << np.uint64(56 - 8 * place)
    return prefix


@kernel
def lay_out(bytes_: Any, offsets: Any, state: Any) -> None:
    """Write pretokens, uint8[total] and int64[n + 1], to the positions after the single bytes."""
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
    """Count all pairs of bytes, reserve room in the pool for their positions, return the most positions of a pair."""
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
