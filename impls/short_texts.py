"""Short strings through one built-in function, which has a cache of its own; everything else goes the usual way."""

from __future__ import annotations

from threading import Lock
from typing import Any, Protocol

import numpy as np

from impls.contract import Array32, Array64, ShortText
from impls.id_lists import IdLists
from impls.kernels.builtins import python_api
from impls.kernels.encode import CACHE_FULL, Cache
from impls.kernels.short import CELLS_AT, ENCODE_SHORT, ENTRY, FREE, MOST_BYTES, N_BYTES, N_BYTES_AT, STATUS


class HasCall(Protocol):
    """What this module needs of `encode.jit.Worker`."""

    def bound(self, n_bytes: int) -> tuple[Any, Array64, Cache, Array32]:
        """Return a call for texts of `n_bytes`, and its arrays."""

    def make_room(self) -> None:
        """Enlarge the full cache."""


class ShortTexts:
    """Keeps the built-in function of a tokenizer, and makes room in its cache when it is full."""

    def __init__(self, worker: HasCall, lists: IdLists) -> None:
        """Make the function; the integers of its lists are those of `lists`."""
        self._worker, self._lists, self._lock = worker, lists, Lock()
        self._state, self._function = self._bind()

    def _bind(self) -> tuple[Array64, ShortText]:
        call, documents, cache, output = self._worker.bound(MOST_BYTES)
        entry, cells = call.raw()
        state = np.zeros(6, np.int64)
        state[N_BYTES_AT] = state[N_BYTES:].ctypes.data
        state[[FREE, ENTRY, CELLS_AT]] = 1, entry, cells.ctypes.data
        arguments = (python_api(), cells, documents, cache.numbers, output, self._lists.addresses(), state)
        return state, ENCODE_SHORT.make(*arguments, kept=(call, self._lists))

    def function(self) -> ShortText:
        """Return the function; it is a new one after room was made."""
        if self._state[STATUS] == CACHE_FULL:
            with self._lock:
                if self._state[STATUS] == CACHE_FULL and self._state[FREE]:
                    self._state[FREE] = 0  # Whoever still calls the old function is sent the usual way.
                    self._worker.make_room()
                    self._state, self._function = self._bind()
        return self._function
