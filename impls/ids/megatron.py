"""Megatron-LM's indexed data set: `NAME.bin` holds bare ids, `NAME.idx` says where each document lies.

The index, little-endian: the bytes `MMIDIDX\\0\\0`, the version 1 as uint64, a code for the type of ids as uint8, the
number of sequences n and the number of entries d as uint64, the lengths of the sequences in ids, int32[n], their byte
offsets in the `.bin`, int64[n], and int64[d], which cuts the sequences into documents, from 0 to n. Each of our
documents is one sequence. Source: https://github.com/NVIDIA/Megatron-LM, megatron/core/datasets/indexed_dataset.py.
"""

from __future__ import annotations

import struct
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from impls.errors import FileFormatError
from impls.ids.layout import Layout, sized
from impls.inputs.file import TextFile

MAGIC = b"MMIDIDX\0\0"

START = struct.Struct("<9sQBQQ")

CODES = {1: "u1", 2: "i1", 3: "<i2", 4: "<i4", 5: "<i8", 8: "<u2"}
"""Code -> type; the codes 6 and 7 are floating point."""

MOST_IDS = (1 << 31) - 1
"""The most ids of a sequence."""


def disk_dtype(dtype: np.dtype[Any]) -> np.dtype[Any]:
    """Return uint16 for uint16, and int32 for uint32, for which there is no code; every id is below 2**31."""
    return np.dtype("<u2" if dtype.itemsize == 2 else "<i4")


def header(n_ids: int, dtype: np.dtype[Any]) -> bytes:
    """Return no bytes: the `.bin` holds bare ids."""
    del n_ids, dtype
    return b""


def index(lengths: Sequence[int], dtype: np.dtype[Any]) -> bytes:
    """Return the content of the `.idx`.

    Args:
        lengths: ids per document.
        dtype: the type of the ids.

    Raises:
        FileFormatError: a document has more ids than the index can hold.
    """
    sizes = np.array(lengths, np.int64)
    if len(sizes) and sizes.max() > MOST_IDS:
        raise FileFormatError(
            f"megatron: document {int(sizes.argmax()) + 1} has {sizes.max()} ids, but the index holds at most "
            f"{MOST_IDS}; name the token that ends a document with --document-end"
        )
    code = next(code for code, name in CODES.items() if np.dtype(name) == disk_dtype(dtype))
    offsets = (sizes.cumsum() - sizes) * dtype.itemsize
    start = START.pack(MAGIC, 1, code, len(sizes), len(sizes) + 1)
    return (
        start
        + sizes.astype("<i4").tobytes()
        + offsets.astype("<i8").tobytes()
        + np.arange(len(sizes) + 1, dtype="<i8").tobytes()
    )


def recognise(path: Path, head: bytes) -> bool:
    """Tell whether an index lies beside the file."""
    del head
    try:
        with path.with_suffix(".idx").open("rb") as file:
            return file.read(len(MAGIC)) == MAGIC
    except OSError:
        return False


def layout(file: TextFile, dtype: np.dtype[Any]) -> Layout:
    """Read the index; the sequences must follow one another without gaps, as Megatron-LM writes them.

    Raises:
        FileFormatError: the index is damaged, or does not fit the file.
    """
    del dtype
    place = TextFile.open(file.path.with_suffix(".idx"))
    try:
        magic, version, code, n_sequences, n_entries = START.unpack(place.read(0, min(START.size, place.n_bytes)))
        found = np.dtype(CODES[code])
        is_known = magic == MAGIC and version == 1
    except (struct.error, KeyError):
        is_known = False
    # A modality per sequence, int8, may follow.
    ends = [START.size + 12 * n_sequences + 8 * n_entries + extra for extra in (0, n_sequences)] if is_known else []
    if place.n_bytes not in ends:
        raise FileFormatError(f"{place.path}: is damaged or of another version; restore the file")
    sizes = np.frombuffer(place.read(START.size, START.size + 4 * n_sequences), "<i4").astype(np.int64)
    after = START.size + 12 * n_sequences
    offsets = np.frombuffer(place.read(START.size + 4 * n_sequences, after), "<i8")
    if (sizes < 0).any() or not np.array_equal(offsets, (sizes.cumsum() - sizes) * found.itemsize):
        raise FileFormatError(f"{place.path}: the documents do not follow one another; write the data set again")
    return sized(file, found, int(sizes.sum()), 0)
