"""Compiled: the merge loop over flat arrays.

Unlike `incremental`, this trainer makes no Python object per symbol, and a merge looks up each distinct neighbour
once. This module owns the arrays: it lays out the state, calls the kernel, and enlarges an array that is full.
"""

from __future__ import annotations

from time import perf_counter
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from impls.arguments import MOST
from impls.contract import (
    N_BYTES,
    MergeEvent,
    MergeListener,
    Merges,
    Pretokens,
    Start,
    TieBreak,
    huggingface_byte_order,
)
from impls.errors import UsageError
from impls.kernels.merge import (
    EXHAUSTED,
    GROW_POOL,
    GROW_SLOTS,
    index_byte_pairs,
    refill_table,
    run_merges,
)
from impls.kernels.merge_start import count_start_pairs, index_start_pairs, lay_out_start, reserve_start_pairs
from impls.kernels.merge_state import (
    BYTE_PAIRS,
    LONGEST,
    MERGES_DONE,
    MINIMUM,
    POOL_USED,
    State,
    count_byte_pairs,
    lay_out,
)
from impls.memory import zeros

BATCH = 4096
"""Merges per call of the kernel; an interrupt is noticed only between two calls."""


def tie_order(tie_break: TieBreak, n_tokens: int) -> NDArray[np.int64]:
    """Return the rank of each id in ties, int64[n_tokens]; int64[0] for "greatest", which compares bytes."""
    if tie_break == "greatest":
        return np.empty(0, np.int64)
    order = np.arange(n_tokens, dtype=np.int64)
    order[:N_BYTES] = huggingface_byte_order()
    return order


def initial_state(
    pretokens: Pretokens,
    n_merges: int,
    tie_break: TieBreak,
    min_frequency: int = 1,
    max_token_bytes: int | None = None,
    start: Start | None = None,
) -> State:
    """Lay out the pretokens, count their pairs, and index the positions of the pairs. See `contract.Trainer`.

    Raises:
        UsageError: there are more positions or pairs than the integers of the kernel can count.
    """
    n_positions = N_BYTES + len(pretokens.bytes_) + len(pretokens) + 1
    lengths = np.diff(pretokens.offsets) - 1
    # Summed in two halves: neither can overflow while there are fewer than 2**31 positions.
    high, low = (int(half @ lengths) for half in (pretokens.counts >> 32, pretokens.counts & 0xFFFFFFFF))
    most = (high << 32) + low
    if n_positions >= 1 << 31 or most >= 1 << 63:
        raise UsageError(
            f"pretokens: {n_positions} positions and {most} pairs are given, but the compiled trainer takes fewer "
            "than 2^31 positions and 2^63 pairs; train on a sample"
        )
    # A merge shortens the text by at least one position.
    n_merges = min(n_merges, len(pretokens.bytes_))
    old_tokens = [] if start is None else start.tokens[N_BYTES:]
    old_bytes = b"".join(old_tokens)
    n_tokens = N_BYTES + len(old_tokens) + n_merges
    # A merge usually makes fewer than eight new pairs, and a pair usually has more than four positions.
    wanted = BYTE_PAIRS + min(n_positions // 4, 8 * n_merges)
    n_slots = 1 << max(wanted - 1, BYTE_PAIRS).bit_length()
    state = State(
        bytes_=zeros(n_positions + len(old_bytes), np.uint8),
        head=zeros(n_positions, np.int32),
        tail=zeros(n_positions, np.int32),
        word=zeros(n_positions, np.int32),
        weights=pretokens.counts,
        first=zeros(n_tokens, np.int64),
        length=zeros(n_tokens, np.int32),
        prefix=zeros(n_tokens, np.uint64),
        order=tie_order(tie_break, n_tokens),
        pairs=zeros(n_slots, np.int64),
        counts=zeros(n_slots, np.int64),
        starts=zeros(n_slots, np.int64),
        sizes=zeros(n_slots, np.int64),
        queued=zeros(n_slots, np.bool_),
        table=zeros((2 * n_slots, 2), np.int64),
        pool=zeros(0, np.int32),
        heap_counts=zeros(n_slots, np.int64),
        heap_slots=zeros(n_slots, np.int32),
        events=zeros((2, 2, 0), np.int32),
        gained=zeros((2, n_tokens), np.int64),
        filled=zeros((2, n_tokens), np.int64),
        touched=zeros((2, n_tokens), np.int32),
        merges=zeros((n_merges, 2), np.int32),
        merge_counts=zeros(n_merges, np.int64),
        numbers=zeros(9, np.int64),
    )
    state.numbers[MINIMUM] = min(min_frequency, MOST)
    state.numbers[LONGEST] = MOST if max_token_bytes is None else min(max_token_bytes, MOST)
    lay_out(pretokens.bytes_, pretokens.offsets, state)
    if start is None:
        state = with_room_for_positions(state, count_byte_pairs(state))
        index_byte_pairs(state)
        return state
    state.bytes_[n_positions:] = np.frombuffer(old_bytes, np.uint8)
    ends = np.cumsum([len(token) for token in old_tokens], dtype=np.int64)
    lay_out_start(n_positions, ends, start.ids, start.offsets, state)
    while count_start_pairs(state) == GROW_SLOTS:
        state = with_larger_slots(state)
    state = with_room_for_positions(state, reserve_start_pairs(state))
    index_start_pairs(state)
    return state


def with_room_for_positions(state: State, largest: int) -> State:
    """Make the pool, and the scratch array for a pair with the most positions, `largest`."""
    return state._replace(
        events=zeros((2, 2, largest), np.int32),
        pool=zeros(2 * int(state.numbers[POOL_USED]) + 1, np.int32),
    )


Scalar = TypeVar("Scalar", bound=np.generic)


def resized(array: NDArray[Scalar], size: int) -> NDArray[Scalar]:
    """Return a copy of an array with room for `size` entries."""
    larger = zeros(size, array.dtype)
    larger[: len(array)] = array
    return larger


def with_larger_slots(state: State) -> State:
    """Double the slots, the heap and the hash table."""
    n_slots = 2 * len(state.pairs)
    state = state._replace(
        pairs=resized(state.pairs, n_slots),
        counts=resized(state.counts, n_slots),
        starts=resized(state.starts, n_slots),
        sizes=resized(state.sizes, n_slots),
        queued=resized(state.queued, n_slots),
        heap_counts=resized(state.heap_counts, n_slots),
        heap_slots=resized(state.heap_slots, n_slots),
        table=zeros((2 * n_slots, 2), np.int64),
    )
    refill_table(state)
    return state


def with_larger_pool(state: State) -> State:
    """Double the pool of positions, and add room for the positions of the largest pair."""
    return state._replace(pool=resized(state.pool, 2 * len(state.pool) + 2 * state.events.shape[2]))


class Teller:
    """Makes the events of merges."""

    def __init__(self, start: Start | None) -> None:
        """Begin before the first merge, with the tokens of `start`; by default, with single bytes."""
        self._tokens = Merges.from_pairs([]).token_bytes() if start is None else list(start.tokens)
        self._n_old = len(self._tokens)

    def event(self, state: State, seconds: float) -> MergeEvent:
        """Return the event of the newest merge; `seconds` is the time since the event before."""
        done = int(state.numbers[MERGES_DONE])
        for left, right in state.merges[len(self._tokens) - self._n_old : done].tolist():
            self._tokens.append(self._tokens[left] + self._tokens[right])
        pair, count = tuple(state.merges[done - 1].tolist()), int(state.merge_counts[done - 1])
        return MergeEvent(done - 1, pair, len(self._tokens) - 1, self._tokens[-1], count, seconds)


def train(
    pretokens: Pretokens,
    *,
    n_merges: int,
    tie_break: TieBreak = "greatest",
    min_frequency: int = 1,
    max_token_bytes: int | None = None,
    start: Start | None = None,
    on_merge: MergeListener | None = None,
) -> Merges:
    """Train in compiled code. See `contract.Trainer`."""
    state = initial_state(pretokens, n_merges, tie_break, min_frequency, max_token_bytes, start)
    step = getattr(on_merge, "every", 1) if on_merge else BATCH
    teller = Teller(start)
    while (done := int(state.numbers[MERGES_DONE])) < len(state.merges):
        started = perf_counter()
        status = run_merges(state, min(len(state.merges), done + step))
        if status == EXHAUSTED:
            break
        if status == GROW_POOL:
            state = with_larger_pool(state)
        elif status == GROW_SLOTS:
            state = with_larger_slots(state)
        elif on_merge:
            on_merge(teller.event(state, perf_counter() - started))
    made = state.merges[: int(state.numbers[MERGES_DONE])]
    return Merges(made[:, 0].copy(), made[:, 1].copy())
