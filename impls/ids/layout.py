"""Where the ids are in a file: the value that reading a header gives."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, cast

import numpy as np

from impls.contract import Ids
from impls.errors import FileFormatError
from impls.inputs.file import TextFile


@dataclass(frozen=True)
class Layout:
    """The ids in a file.

    Attributes:
        file: the file, opened.
        dtype: the type of the ids, little-endian.
        n_ids: how many ids there are.
        offset: offset in the file, in bytes, of the first id.
    """

    file: TextFile
    dtype: np.dtype[Any]
    n_ids: int
    offset: int = 0

    def map(self) -> Ids:
        """Map the ids, `dtype`[n_ids], read-only; the file must not shrink while it is mapped."""
        if not self.n_ids:
            return cast(Ids, np.empty(0, self.dtype))
        return cast(Ids, np.memmap(self.file.path, self.dtype, "r", self.offset, (self.n_ids,)))

    def blocks(self, block_ids: int) -> Iterator[Ids]:
        """Yield the ids, at most `block_ids` at a time.

        Raises:
            FileFormatError: the file shrank or was replaced.
        """
        # The file is read, not mapped: a mapped file that shrinks kills the process.
        size, stop = self.dtype.itemsize, self.offset + self.n_ids * self.dtype.itemsize
        for start in range(self.offset, stop, block_ids * size):
            yield np.frombuffer(self.file.read(start, min(start + block_ids * size, stop)), self.dtype)


def sized(file: TextFile, dtype: np.dtype[Any], n_ids: int, offset: int) -> Layout:
    """Return a layout after a check: the ids must fill the file up to its end.

    Raises:
        FileFormatError: the file is shorter or longer than its header says.
    """
    expected = offset + n_ids * dtype.itemsize
    if file.n_bytes != expected:
        raise FileFormatError(
            f"{file.path}: has {file.n_bytes} bytes, but {n_ids} {dtype} ids after a header of {offset} bytes take "
            f"{expected} bytes; restore the file, or encode the text again"
        )
    return Layout(file, dtype, n_ids, offset)
