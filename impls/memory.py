"""Large arrays in huge pages, since fresh memory costs time when each page is first touched.

The operating system gives memory to a process in pages of 4 KB. The first touch of such a page takes about a
microsecond. The first touch of a huge page of 2 MB takes less than a hundred microseconds, for 512 times as much
memory. Linux uses huge pages for a mapping that asks for them (madvise(2), MADV_HUGEPAGE).
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
    """Return an array of zeros. A part of the array takes memory only after its first use.

    Raises:
        MemoryError: memory ran out.
    """
    n_bytes = math.prod(np.atleast_1d(shape).tolist()) * np.dtype(dtype).itemsize
    if n_bytes < HUGE_BYTES or not hasattr(mmap, "MADV_HUGEPAGE"):
        return np.zeros(shape, dtype)
    try:
        memory = mmap.mmap(-1, n_bytes, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)
        memory.madvise(mmap.MADV_HUGEPAGE)
    except OSError:  # Memory ran out, and NumPy's message is better, or Linux has no huge pages.
        return np.zeros(shape, dtype)
    array: NDArray[Any] = np.frombuffer(memory, dtype)
    return array.reshape(shape)
