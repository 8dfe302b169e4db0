"""NumPy's format of one array, version 1.0; `numpy.load(path, mmap_mode="r")` maps it.

The format is described in the documentation of `numpy.lib.format`.
"""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import numpy as np
from numpy.lib import format as npy

from impls.errors import FileFormatError
from impls.ids.layout import Layout, sized
from impls.inputs.file import TextFile

MAGIC = b"\x93NUMPY"

HEADER_BYTES = 128
"""Length of the headers that we write, whatever the number of ids; a multiple of 64, as the format wants."""

MOST_HEADER_BYTES = 1 << 14
"""A longer header is refused."""


def disk_dtype(dtype: np.dtype[Any]) -> np.dtype[Any]:
    """Return the same type, little-endian."""
    return dtype.newbyteorder("<")


def header(n_ids: int, dtype: np.dtype[Any]) -> bytes:
    """Return the header of an array, `dtype`[n_ids]."""
    fields = repr({"descr": disk_dtype(dtype).str, "fortran_order": False, "shape": (n_ids,)})
    before = MAGIC + b"\x01\x00" + (HEADER_BYTES - 10).to_bytes(2, "little")
    return before + fields.encode().ljust(HEADER_BYTES - 11) + b"\n"


def recognise(path: Path, head: bytes) -> bool:
    """Tell whether a file begins with the magic bytes."""
    del path
    return head.startswith(MAGIC)


def layout(file: TextFile, dtype: np.dtype[Any]) -> Layout:
    """Read the header; no code of the file is executed.

    Raises:
        FileFormatError: the header is damaged, or the array is not one row of integers, or the file is cut.
    """
    del dtype
    start = io.BytesIO(file.read(0, min(file.n_bytes, MOST_HEADER_BYTES)))
    try:
        read = npy.read_array_header_1_0 if npy.read_magic(start) == (1, 0) else npy.read_array_header_2_0
        shape, _, found = read(start)
    except (ValueError, TypeError, RecursionError, MemoryError, SyntaxError) as error:
        reason = str(error).partition("\n")[0]
        raise FileFormatError(f"{file.path}: the header is damaged: {reason}; restore the file") from None
    if len(shape) != 1 or found.kind not in "iu":
        raise FileFormatError(f"{file.path}: holds {found}{list(shape)}, not a row of ids; save an array of integers")
    return sized(file, found, shape[0], start.tell())
