"""A stream cut into pieces of several MB: after a line, after a separator, or where a cut changes no pretoken."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from impls.cuts import SafeCuts
from impls.errors import FileFormatError
from impls.inputs import block, compression_of
from impls.inputs.compressed import Stream, opened
from impls.inputs.places import Place


class Piece(Protocol):
    """Some plain bytes of a source."""

    @property
    def data(self) -> bytes:
        """The bytes; they may be read only now."""

    @property
    def n_bytes(self) -> int:
        """Number of bytes."""

    @property
    def start(self) -> int:
        """Offset of the first byte in the plain bytes of the source."""

    @property
    def position(self) -> int:
        """How many bytes of the source, as it is stored, were read until the end of the piece."""

    @property
    def line(self) -> int:
        """The number of the first line; the lines of a source are numbered from 1."""


@dataclass(frozen=True)
class StreamPiece:
    """A piece of a stream. See `Piece`."""

    data: bytes
    start: int
    position: int
    line: int

    @property
    def n_bytes(self) -> int:
        """Number of bytes."""
        return len(self.data)


@dataclass(frozen=True)
class FilePiece:
    """A piece of a file of this machine; the thread that counts it reads it. See `Piece`."""

    path: Path
    start: int
    position: int

    @property
    def n_bytes(self) -> int:
        """Number of bytes."""
        return self.position - self.start

    @property
    def data(self) -> bytes:
        """Read the bytes.

        Raises:
            FileFormatError: the file cannot be read, or has become shorter.
        """
        data = read_at(self.path, self.start, self.n_bytes)
        if len(data) < self.n_bytes:
            raise FileFormatError(f"{self.path}: shrank while it was read; read it again")
        return data

    @property
    def line(self) -> int:
        """Count the lines before the piece; only a fault needs their number."""
        starts = range(0, self.start, block.BLOCK_BYTES)
        return 1 + sum(
            read_at(self.path, start, min(block.BLOCK_BYTES, self.start - start)).count(b"\n") for start in starts
        )


def read_at(path: Path, start: int, n_bytes: int) -> bytes:
    """Return bytes of a file from `start` on, at most `n_bytes`.

    Raises:
        FileFormatError: the file cannot be read.
    """
    try:
        with path.open("rb", buffering=0) as file:
            file.seek(start)
            return file.read(n_bytes) or b""
    except OSError as error:
        raise FileFormatError(f"{path}: {error.strerror}; give a readable file") from None


def separated_pieces(place: Place, separator: bytes, wanted: str) -> Iterator[Piece]:
    """Yield a source in pieces of about `block.BLOCK_BYTES`, cut after separators. See `pieces`."""
    cut = after_separator(separator)
    if place.path is not None and not compression_of(place.name) and len(separator) == 1:
        yield from _file_pieces(place.path, place.n_bytes or 0, cut, wanted)
        return
    with opened(place) as stream:
        yield from pieces(stream, cut, wanted)


def _file_pieces(path: Path, size: int, cut: Cut, wanted: str) -> Iterator[Piece]:
    """Cut a file without reading all of it: only the end of each piece is looked at."""
    start = 0
    while start < size:
        stop = start + block.BLOCK_BYTES
        window = 1 << 16
        place = 0
        while stop < size and not place:
            first = max(start, stop - window)
            place = cut(read_at(path, first, stop - first))
            if place:
                stop = first + place
            elif first == start:  # The document is longer than a piece.
                stop, window = stop + (stop - start), window * 2
                if stop - start > 2 * block.MAX_DOCUMENT_BYTES:
                    raise _too_long(str(path), stop - start, start, wanted)
            else:
                window *= 16
        stop = min(stop, size)
        yield FilePiece(path, start, stop)
        start = stop


Cut = Callable[[bytes], int]
"""Returns the last place in the bytes after which a new piece may begin; 0 if there is none."""


def pieces(stream: Stream, cut: Cut, wanted: str) -> Iterator[StreamPiece]:
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
    line = 1
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
                raise _too_long(stream.name, size, start, wanted)
            continue
        piece = StreamPiece(whole[:place], start, stream.position, line)
        yield piece
        line += piece.data.count(b"\n")
        start, waiting, size, look_at = start + place, [whole[place:]], size - place, 0
    if size:
        yield StreamPiece(b"".join(waiting), start, stream.position, line)


def _too_long(name: str, size: int, start: int, wanted: str) -> FileFormatError:
    advice = "such a text is too large for the memory: correct it, or leave it out"
    return FileFormatError(f"{name}: {size} bytes after byte {start} have no {wanted}; {advice}")


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
