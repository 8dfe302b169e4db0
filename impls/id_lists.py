"""Lists of ids in which equal ids are the same Python integer object."""

from __future__ import annotations

from typing import cast

import numpy as np
from numpy.typing import NDArray

from impls.contract import Ids

LISTED_IDS = 1 << 13
"""How many ids are turned into list items at a time: few enough for the first-level cache of the CPU."""


class IdLists:
    """Turns arrays of ids into lists; equal ids share one integer object, which saves memory in long lists."""

    def __init__(self, n_ids: int) -> None:
        """Make no integers yet; all ids are below `n_ids`."""
        self._n_ids = n_ids
        self._integers: NDArray[np.object_] | None = None

    def of(self, ids: Ids) -> list[int]:
        """Return ids, unsigned integers[n], as a list."""
        if len(ids) < self._n_ids:
            return cast("list[int]", ids.tolist())
        if self._integers is None:
            self._integers = np.arange(self._n_ids).astype(object)
        listed: list[int] = []
        for start in range(0, len(ids), LISTED_IDS):
            listed += self._integers[ids[start : start + LISTED_IDS]].tolist()
        return listed
