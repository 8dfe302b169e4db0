"""llm.c's files of ids: a header of 256 int32, then the ids, little-endian.

The first three numbers of the header are a magic number, a version and the number of ids; the other numbers are 0. A
file of uint16 has the magic number 20240520 and version 1, a file of uint32 has 20240801 and version 7. Source:
https://github.com/karpathy/llm.c, dev/data/data_common.py.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from impls.errors import FileFormatError
from impls.ids.layout import Layout, sized
from impls.inputs.file import TextFile

HEADER_NUMBERS = 256
HEADER_BYTES = 4 * HEADER_NUMBERS

KINDS = {2: (20240520, 1), 4: (20240801, 7)}
"""Bytes per id -> magic number, version."""

MOST_IDS = (1 << 31) - 1
"""The largest number that the header can hold."""


def disk_dtype(dtype: np.dtype[Any]) -> np.dtype[Any]:
    """Return the same type, little-endian."""
    return dtype.newbyteorder("<")


def header(n_ids: int, dtype: np.dtype[Any]) -> bytes:
    """Return the header.

    Raises:
        FileFormatError: the header cannot hold the number of ids.
    """
    if n_ids > MOST_IDS:
        raise FileFormatError(f"llmc: a file holds at most {MOST_IDS} ids, not {n_ids}; give --shard-tokens")
    numbers = np.zeros(HEADER_NUMBERS, "<i4")
    numbers[:3] = *KINDS[dtype.itemsize], n_ids
    return numbers.tobytes()


def recognise(path: Path, head: bytes) -> bool:
    """Tell whether a file begins with a magic number and its version."""
    del path
    return len(head) >= HEADER_BYTES and tuple(np.frombuffer(head, "<i4", 2).tolist()) in KINDS.values()


def layout(file: TextFile, dtype: np.dtype[Any]) -> Layout:
    """Read the header.

    Raises:
        FileFormatError: the file does not hold as many ids as its header says.
    """
    del dtype
    magic, version, n_ids = np.frombuffer(file.read(0, HEADER_BYTES), "<i4", 3).tolist()
    size = next(size for size, kind in KINDS.items() if kind == (magic, version))
    return sized(file, np.dtype(f"<u{size}"), n_ids, HEADER_BYTES)
