"""A stream cut into pieces of several MB: after a line, after a separator, or where a cut changes no pretoken."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from impls.cuts import SafeCuts
from impls.errors import FileFormatError
from impls.inputs import block
from impls.inputs.compressed import Stream


@dataclass(frozen=True)
class Piece:
    """Plain bytes of a stream.

    Attributes:
        data: the bytes.
        start: offset of the first byte in the plain bytes of the source.
        position: how many bytes of the source, as it is stored, were read until the end of the piece.
    """

    data: bytes
    start: int
    position: int


Cut = Callable[[bytes], int]
"""Returns the last place in the bytes after which a new piece may begin; 0 if there is none."""


def pieces(stream: Stream, cut: Cut, wanted: str) -> Iterator[Piece]:
    """Yield a stream in pieces of about `block.BLOCK_BYTES`, each cut at the last place that `cut` allows.

    Args:
        stream: the stream, at its beginning.
        cut: the places of cuts.
        wanted: what a piece ends with, for errors.

    Raises:
        FileFormatError: the source cannot be read, or so many bytes have no place to cut that they would fill the
            memory.
    """
    waiting: list[bytes] = []
    start = size = 0
    look_at = 0  # After a failed search, the next search waits until there is twice as much.
    while data := stream.read(block.BLOCK_BYTES):
        waiting.append(data)
        size += len(data)
        if size < look_at:
            continue
        whole = b"".join(waiting)
        place = cut(whole)
        if not place:
            waiting, look_at = [whole], 2 * size
            if size > block.MAX_DOCUMENT_BYTES:
                raise FileFormatError(f"{stream.name}: {size} bytes after byte {start} have no {wanted}; {ADVICE}")
            continue
        yield Piece(whole[:place], start, stream.position)
        start, waiting, size, look_at = start + place, [whole[place:]], size - place, 0
    if size:
        yield Piece(b"".join(waiting), start, stream.position)


ADVICE = "such a text is too large for the memory: correct it, or leave it out"


def after_separator(separator: bytes) -> Cut:
    """Return the function that cuts after the last separator, as found from the left."""
    overlaps_itself = any(separator.endswith(separator[:length]) for length in range(1, len(separator)))

    def cut(data: bytes) -> int:
        place = data.rfind(separator)
        if place >= 0 and overlaps_itself:
            place = [match.start() for match in re.finditer(re.escape(separator), data)][-1]
        return place + len(separator) if place >= 0 else 0

    return cut


def at_safe_cuts(cuts: SafeCuts) -> Cut:
    """Return the function that cuts at the last safe cut. See `cuts.SafeCuts`."""

    def cut(data: bytes) -> int:
        window = 1 << 12
        while True:
            place = _last_in(cuts, data, max(1, len(data) - window))
            if place or window >= len(data):
                return place
            window *= 16

    return cut


def _last_in(cuts: SafeCuts, data: bytes, start: int) -> int:
    """Return the last safe cut of `data` at or after `start` that is safe whatever follows; 0 if there is none."""
    best = 0
    while (place := cuts.first_in(data, start)) is not None and place + cuts.margin <= len(data):
        best, start = place, place + 1
    return best
