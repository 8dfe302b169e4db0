"""Ids of a text with the place of each token: a range of bytes, and a range of characters.

The tokens of a text lie one after the other without gaps, and joined they are the text. So the places are running
sums over the ids: of the bytes of each token, and of the characters that begin in it. The text is not read again.
"""

from __future__ import annotations

from collections.abc import Mapping
from itertools import accumulate
from queue import Empty, SimpleQueue
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from impls.arguments import check_workers
from impls.contract import Array32, Array64, Ids
from impls.kernels.places import HALF, LOW, MOVE, TOP, add_widths, fill_places
from impls.parallel import in_order

PART_IDS = 1 << 18
"""Ids that a thread works on at a time."""

NARROW = (1 << 31) - 1
"""The largest position in int32."""

Spans = Array32 | Array64


class LocatedIds(NamedTuple):
    """The ids of a text, with the places of their tokens; the arrays of places are read-only.

    Attributes:
        ids: `id_dtype`[n].
        byte_spans: int32[n, 2]; int64[n, 2] if the text has 2**31 bytes or more. Token i is bytes
            [`byte_spans[i, 0]`, `byte_spans[i, 1]`) of the text in UTF-8.
        character_spans: as many, of the same type: the smallest range of characters that holds all bytes of token i.
            Characters are code points, as a `str` counts them. Two tokens that share a character both have it in
            their ranges.
    """

    ids: Ids
    byte_spans: Spans
    character_spans: Spans


class TokenWidths:
    """How many bytes and characters each token has, as an array that is looked up by id.

    Attributes:
        longest: the largest number of bytes in a token, at least 1.
    """

    def __init__(self, tokens: Mapping[int, bytes]) -> None:
        """Measure the tokens, a mapping: id -> bytes."""
        content = np.frombuffer(b"".join(tokens.values()), np.uint8)
        n_bytes = np.fromiter(map(len, tokens.values()), np.int64, len(tokens))
        first = np.cumsum(n_bytes) - n_bytes
        begins = (content & 0xC0) != 0x80  # Whether a character begins at this byte.
        n_characters = np.add.reduceat(begins, first, dtype=np.int64) if len(tokens) else n_bytes
        packed = (n_bytes | (n_characters << 32)).astype(np.uint64) | ((~begins[first]).astype(np.uint64) << TOP)
        self._widths = np.zeros(1 + max(tokens, default=0), np.uint64)
        self._widths[np.fromiter(tokens, np.int64, len(tokens))] = packed
        self._idle: SimpleQueue[Any] = SimpleQueue()
        self.longest = int(n_bytes.max(initial=1))

    def locate(self, ids: Ids, n_bytes: int, *, compiled: bool, workers: int | None = None) -> LocatedIds:
        """Return the places of the tokens of a text.

        Args:
            ids: `id_dtype`[n], all ids of the text.
            n_bytes: size of the text in UTF-8.
            compiled: whether to run compiled code.
            workers: threads for many ids; only compiled code uses more than one.
        """
        places = np.empty((len(ids) + 1, 3), np.int32 if n_bytes <= NARROW else np.int64)
        if not compiled:
            self._fill_by_sums(ids, places)
        elif places.dtype == np.int32 and (workers == 1 or len(ids) <= PART_IDS):
            places[-1] = _border(self._fill(ids, places[:-1], (0, 0)))
        else:
            places[-1] = self._fill_parts(ids, places[:-1], check_workers(workers))
        return LocatedIds(ids, _spans(places, 0, 3), _spans(places, 1, 5))

    def _fill(self, ids: Ids, places: Spans, start: tuple[int, int]) -> int:
        """Run the kernel. Binding takes longer than a short text, so each thread keeps a bound call."""
        arrays = ids, places.reshape(-1), np.array([start[0] | start[1] << 32], np.uint64)
        try:
            call = self._idle.get_nowait()
            call.set_arrays(*arrays)
        except Empty:
            call = fill_places.bind(*arrays, self._widths)
        end: int = call()
        self._idle.put(call)
        return end

    def _fill_parts(self, ids: Ids, places: Spans, workers: int) -> tuple[int, int, int]:
        """Fill the places in threads, and return the last border."""
        n = max(1, min(PART_IDS, NARROW // self.longest))
        parts = [slice(start, start + n) for start in range(0, len(ids), n)]
        moves = in_order(lambda part: _border(add_widths(ids[part], self._widths)), parts, workers)
        # A thread needs to know where its part of the text begins.
        borders = list(accumulate(moves, lambda at, move: (at[0] + move[0], 0, at[2] + move[2]), initial=(0, 0, 0)))

        def fill(part: slice, border: tuple[int, int, int]) -> None:
            byte, _, character = border
            if places.dtype == np.int32:
                self._fill(ids[part], places[part], (byte, character))
            else:
                near = np.empty(places[part].shape, np.int32)
                self._fill(ids[part], near, (0, 0))
                np.add(near, (byte, character, character), out=places[part])

        for _ in in_order(lambda pair: fill(*pair), zip(parts, borders, strict=False), workers):
            pass
        return borders[-1]

    def _fill_by_sums(self, ids: Ids, places: Spans) -> None:
        widths = self._widths[ids]
        places[0] = 0
        np.cumsum(widths & LOW, out=places[1:, 0])
        np.cumsum((widths & MOVE) >> HALF, out=places[1:, 2])
        places[:-1, 1] = places[:-1, 2] - (widths >> TOP).astype(places.dtype)


def _border(position: int) -> tuple[int, int, int]:
    """Return the border at bytes | characters << 32, as a row of places; the middle number is not used."""
    return position & int(LOW), 0, position >> 32


def _spans(places: Spans, start: int, stop: int) -> Spans:
    """Return a view, [n, 2], whose row i is values `start` and `stop`, counted from the beginning of row i."""
    size = places.itemsize
    spans: NDArray[np.signedinteger] = np.ndarray(
        (len(places) - 1, 2), places.dtype, places, start * size, (3 * size, (stop - start) * size)
    )
    spans.flags.writeable = False
    return spans
