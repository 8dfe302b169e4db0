"""Lists of ids in which equal ids are the same Python integer object."""

from __future__ import annotations

from itertools import pairwise
from typing import cast

import numpy as np
from numpy.typing import NDArray

from impls.contract import Array64, Ids

LISTED_IDS = 1 << 13
"""How many ids are turned into list items at a time: few enough for the first-level cache of the CPU."""


class IdLists:
    """Turns arrays of ids into lists; equal ids share one integer object, which saves memory in long lists."""

    def __init__(self, n_ids: int) -> None:
        """Make no integers yet; all ids are below `n_ids`."""
        self._n_ids = n_ids
        self._integers: NDArray[np.object_] | None = None
        self._addresses: Array64 | None = None

    def integers(self) -> NDArray[np.object_]:
        """Return the integer object of each id, object[n_ids]."""
        if self._integers is None:
            self._integers = np.arange(self._n_ids).astype(object)
        return self._integers

    def addresses(self) -> Array64:
        """Return the address of the integer object of each id, int64[n_ids], for compiled code."""
        if self._addresses is None:
            self._addresses = np.fromiter(map(id, self.integers()), np.int64, self._n_ids)
        return self._addresses

    def of(self, ids: Ids) -> list[int]:
        """Return ids, unsigned integers[n], as a list."""
        if len(ids) < self._n_ids:
            return cast("list[int]", ids.tolist())
        integers = self.integers()
        listed: list[int] = []
        for start in range(0, len(ids), LISTED_IDS):
            listed += integers[ids[start : start + LISTED_IDS]].tolist()
        return listed

    def parts(self, ids: Ids, offsets: Array64, *, compiled: bool) -> list[list[int]]:
        """Return a list for each part of `ids`; part i is `ids[offsets[i]:offsets[i + 1]]`.

        `compiled`: whether compiled code may make the lists; it is worth its time if it is loaded anyway.
        """
        if compiled and len(ids):
            from impls.kernels import builtins  # Imported here: small texts need no kernels.

            if builtins.USABLE:
                make = builtins.LIST_OF_LISTS.make(builtins.python_api(), self.addresses(), ids, offsets)
                return cast("list[list[int]]", make(None))
        listed = self.of(ids)
        return [listed[start:stop] for start, stop in pairwise(offsets.tolist())]
