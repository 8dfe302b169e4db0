"""A stream of encoded text, split document by document into ids for training and ids for validation."""

from __future__ import annotations

import tempfile
import zlib
from contextlib import ExitStack
from itertools import pairwise
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from impls.contract import Ids
from impls.ids.writer import NOWHERE, Places
from impls.inputs.held_out import HeldOut

SPOOL_BYTES = 1 << 24
"""If the ids of an unfinished document take more than this, they wait on disk, not in memory."""

BLOCK_IDS = 1 << 20


class Sink(Protocol):
    """Takes ids."""

    def write(self, ids: Ids, ends: Places = NOWHERE) -> None:
        """Append ids; a document ends after each place in `ends`."""


class Split:
    """Sends each document to one of two outputs; the content of the document decides, without its end.

    A line end at the beginning of a document is layout and does not count.
    """

    def __init__(
        self, train: Sink, val: Sink, held_out: HeldOut, sizes: NDArray[np.int64], end_bytes: int, stack: ExitStack
    ) -> None:
        """Begin with no document.

        Args:
            train, val: the two outputs.
            held_out: decides which documents go to `val`.
            sizes: int64[vocabulary], how many bytes of text each id stands for.
            end_bytes: length of the special token that ends a document.
            stack: when it is closed, the place for the ids of the unfinished document is freed.
        """
        self._sides, self._held_out, self._sizes, self._end_bytes = (train, val), held_out, sizes, end_bytes
        self._spool = stack.enter_context(tempfile.SpooledTemporaryFile(SPOOL_BYTES))  # noqa: SIM115
        self._dtype: np.dtype[Any] | None = None
        self._state, self._is_begun = held_out.begun(), False

    def write(self, content: bytes, ids: Ids, ends: Places) -> None:
        """Take the next part of the text: its bytes, its ids, and the places in `ids` after which a document ends."""
        self._dtype = ids.dtype
        if not len(ends):
            self._keep(content, ids)
            return
        byte_ends = self._sizes[ids[: ends[-1]]].cumsum()[ends - 1].tolist()
        is_val = np.array(self._decisions(content, byte_ends))
        self._flush(bool(is_val[0]))
        lengths = np.diff(ends, prepend=0)
        mask = is_val.repeat(lengths)
        for side, chosen, which in zip(self._sides, (~mask, mask), (~is_val, is_val), strict=True):
            side.write(ids[: ends[-1]][chosen], lengths[which].cumsum())
        self._keep(content[byte_ends[-1] :], ids[ends[-1] :])

    def finish(self) -> None:
        """Send the last document, if the text does not end with the end of a document."""
        if self._spool.tell():
            self._flush(self._held_out.takes(self._state))

    def _decisions(self, content: bytes, byte_ends: list[int]) -> list[bool]:
        """Tell for each document that ends in the content whether it goes to `val`."""
        end_bytes, begun = self._end_bytes, self._held_out.begun()
        self._hash(content[: byte_ends[0] - end_bytes])
        documents = (content[start : stop - end_bytes].removeprefix(b"\n") for start, stop in pairwise(byte_ends))
        states = [self._state, *(zlib.crc32(document, begun) for document in documents)]
        self._state, self._is_begun = begun, False
        return [self._held_out.takes(state) for state in states]

    def _hash(self, piece: bytes) -> None:
        piece = piece if self._is_begun else piece.removeprefix(b"\n")
        self._state, self._is_begun = zlib.crc32(piece, self._state), True

    def _keep(self, content: bytes, ids: Ids) -> None:
        """Keep ids of a document whose end has not come yet."""
        if len(ids):
            self._hash(content)
            self._spool.write(ids.data)

    def _flush(self, is_val: bool) -> None:
        """Send the kept ids to their side."""
        self._spool.seek(0)
        while block := self._spool.read(BLOCK_IDS * 4):
            self._sides[is_val].write(np.frombuffer(block, self._dtype))
        self._spool.seek(0)
        self._spool.truncate()
