"""The worked example in the header of `kernels/merge.py` is what the kernel does."""

from __future__ import annotations

import pytest

from impls.contract import Pretokens
from impls.kernels import merge
from impls.kernels.merge import DONE, run_merges
from impls.kernels.merge_state import SLOTS, State
from impls.train.jit import initial_state

pytestmark = pytest.mark.kernel

FIRST_GAP = 256
"""Positions before it hold the single bytes."""


def spelled(token: int, state: State) -> str:
    start = int(state.first[token])
    return state.bytes_[start : start + int(state.length[token])].tobytes().decode()


def row(name: str, ids: list[int], state: State) -> str:
    return f"{name:8}" + "".join(f"{spelled(token, state) if token >= 0 else '.':>4}" for token in ids)


def pairs(state: State) -> list[str]:
    lines = []
    for slot in range(int(state.numbers[SLOTS])):
        if size := int(state.sizes[slot]):
            start = int(state.starts[slot])
            places = (str(place - FIRST_GAP) for place in state.pool[start : start + size].tolist())
            left, right = (spelled(int(token), state) for token in divmod(int(state.pairs[slot]), 1 << 32))
            lines.append(f"{left + ' ' + right:10}{int(state.counts[slot]):7}  {' '.join(places)}")
    return lines


def drawn(state: State) -> list[str]:
    head, tail = state.head[FIRST_GAP:].tolist(), state.tail[FIRST_GAP:].tolist()
    return [row("head", head, state), row("tail", tail, state), *pairs(state)]


def test_the_header_shows_the_arrays_before_and_after_the_first_merge() -> None:
    told = [line.strip() for line in str(merge.__doc__).splitlines()]
    state = initial_state(Pretokens.from_mapping({b"abab": 2, b"cab": 3, b"abc": 4}), 2, "greatest")
    before = drawn(state)
    assert run_merges(state, 1) == DONE
    shown = [*before, *drawn(state)]
    assert [line for line in told if line in shown] == shown
    assert run_merges(state, 2) == DONE
    assert [spelled(int(token), state) for token in state.merges[1]] == ["ab", "c"]
