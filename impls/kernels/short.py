"""From a short string to the list of its ids in one built-in function, since Python is slower than the kernel."""

from __future__ import annotations

from typing import Any

import numpy as np

from impls.kernels.builtins import AS_UTF8, CLEAR_ERROR, GET_LENGTH, INC_REF, NONE, Builtin, new_list
from impls.kernels.encode import DOCUMENT, POSITION, WRITTEN
from impls.kernels.helpers import Int, inline
from impls.kernels.instructions import call_c

MOST_CHARACTERS = 1000
"""Longer strings go the usual way, on which other threads can run."""

MOST_BYTES = 4 * MOST_CHARACTERS

FREE, STATUS, N_BYTES, N_BYTES_AT, ENTRY, CELLS_AT = range(6)
"""Indices of the state, int64[6]: 1 if no text is being encoded; the status for which the last text that could not be
encoded needs attention, see `encode`; the length of the text in bytes, and the address of this length; the address
of the kernel `encode_text`, and of the cells of its call."""

_INT = 0xFFFFFFFF


@inline
def run_encode(text: Any, api: Any, cells: Any, documents: Any, state: Any) -> Int:
    """Run `encode_text` on a Python string; return how many ids it wrote, or a negative number."""
    length = call_c(api[GET_LENGTH], text, 0, 0)
    if length < 0 or length > MOST_CHARACTERS:
        return np.int64(-1)
    content = call_c(api[AS_UTF8], text, state[N_BYTES_AT], 0)
    if not content:
        return np.int64(-1)
    cells[1] = content
    cells[2] = documents[0, 0] = state[N_BYTES]
    if call_c(state[ENTRY], state[CELLS_AT], 0, 0) & _INT:
        return np.int64(-1)
    state[STATUS] = -min(cells[0], 0)
    return cells[0]


def encode_short(
    text: Any,
    api: Any,
    cells: Any,
    documents: Any,
    numbers: Any,
    output: Any,
    integers: Any,
    state: Any,
) -> Int:
    """Return the list of the ids of a Python string, or None if it must be encoded in the usual way.

    `cells` are the cells of a call of `encode_text` with `documents`, `numbers` and `output`. To make a list may
    start Python's garbage collector, which may run code that encodes: that code gets None.
    """
    made = np.int64(0)
    if state[FREE]:
        state[FREE] = 0
        n = run_encode(text, api, cells, documents, state)
        if n >= 0:
            made = new_list(api, integers, output, 0, n)
        else:
            numbers[POSITION] = numbers[WRITTEN] = numbers[DOCUMENT] = 0
        state[FREE] = 1
    if made:
        return made
    call_c(api[CLEAR_ERROR], 0, 0, 0)
    call_c(api[INC_REF], api[NONE], 0, 0)
    return api[NONE]


ENCODE_SHORT = Builtin(encode_short, "")
