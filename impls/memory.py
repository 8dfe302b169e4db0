"""Large arrays in huge pages: the first touch of a page is what fresh memory costs.

The system hands out 4 KB at a time, for about a microsecond; 2 MB at once cost less than a hundred. Linux does that
where a mapping asks for it (madvise(2), MADV_HUGEPAGE).
"""

from __future__ import annotations

import math
import mmap
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

Scalar = TypeVar("Scalar", bound=np.generic)

HUGE_BYTES = 1 << 21
"""From this size on, that of a huge page, an array gets a mapping of its own."""


def zeros(shape: int | tuple[int, ...], dtype: type[Scalar] | np.dtype[Scalar]) -> NDArray[Scalar]:
    """Return an array of zeros, which costs nothing until it is touched.

    Raises:
        MemoryError: there is no room for it.
    """
    n_bytes = math.prod(np.atleast_1d(shape).tolist()) * np.dtype(dtype).itemsize
    if n_bytes < HUGE_BYTES or not hasattr(mmap, "MADV_HUGEPAGE"):
        return np.zeros(shape, dtype)
    try:
        memory = mmap.mmap(-1, n_bytes, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)
        memory.madvise(mmap.MADV_HUGEPAGE)
    except OSError:  # No room, about which NumPy has more to say, or a kernel without huge pages.
        return np.zeros(shape, dtype)
    array: NDArray[Any] = np.frombuffer(memory, dtype)
    return array.reshape(shape)
