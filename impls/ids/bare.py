"""Bare ids, uint16 or uint32, little-endian, one after the other, as nanoGPT's `train.bin` holds them.

The file tells nothing about itself: the type of the ids comes from the sidecar, or else from the tokenizer.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from impls.errors import FileFormatError
from impls.ids.layout import Layout
from impls.inputs.file import TextFile


def disk_dtype(dtype: np.dtype[Any]) -> np.dtype[Any]:
    """Return the same type, little-endian."""
    return dtype.newbyteorder("<")


def header(n_ids: int, dtype: np.dtype[Any]) -> bytes:
    """Return no bytes."""
    del n_ids, dtype
    return b""


def recognise(path: Path, head: bytes) -> bool:
    """Any file may hold bare ids; so this format is tried last."""
    del path, head
    return True


def layout(file: TextFile, dtype: np.dtype[Any]) -> Layout:
    """Return the layout of a whole file.

    Raises:
        FileFormatError: the file does not hold a whole number of ids.
    """
    if file.n_bytes % dtype.itemsize:
        raise FileFormatError(
            f"{file.path}: has {file.n_bytes} bytes, not a multiple of the {dtype.itemsize} bytes of a {dtype} id; "
            "encode the text again"
        )
    return Layout(file, dtype, file.n_bytes // dtype.itemsize)
