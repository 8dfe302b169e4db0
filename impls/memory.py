"""Large arrays in huge pages, since fresh memory costs time when each page is first touched.

The system hands out memory in pages of 4 KB, and each costs about a microsecond. A huge page of 2 MB costs less than
a hundred microseconds. Linux uses huge pages for a mapping that asks for them (madvise(2), MADV_HUGEPAGE).
"""

from __future__ import annotations

import math
import mmap
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

Scalar = TypeVar("Scalar", bound=np.generic)

HUGE_BYTES = 1 << 21
"""The size of a huge page; an array of at least this size gets a mapping of its own."""


def zeros(shape: int | tuple[int, ...], dtype: type[Scalar] | np.dtype[Scalar]) -> NDArray[Scalar]:
    """Return an array of zeros; its memory costs nothing until it is touched.

    Raises:
        MemoryError: memory ran out.
    """
    n_bytes = math.prod(np.atleast_1d(shape).tolist()) * np.dtype(dtype).itemsize
    if n_bytes < HUGE_BYTES or not hasattr(mmap, "MADV_HUGEPAGE"):
        return np.zeros(shape, dtype)
    try:
        memory = mmap.mmap(-1, n_bytes, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)
        memory.madvise(mmap.MADV_HUGEPAGE)
    except OSError:  # Memory ran out, and NumPy has a better message, or Linux has no huge pages.
        return np.zeros(shape, dtype)
    array: NDArray[Any] = np.frombuffer(memory, dtype)
    return array.reshape(shape)
