"""Sources as streams of plain bytes: compressed sources are decompressed while they are read.

Memory holds a few blocks of the plain bytes, however much a source expands.
"""

from __future__ import annotations

import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, BinaryIO

from impls.errors import FileFormatError
from impls.inputs import compression_of
from impls.inputs.block import BLOCK_BYTES
from impls.inputs.places import INSTALL, Place, told


class Stream:
    """The plain bytes of a source.

    Attributes:
        name: the name of the source, for errors.
        n_read: how many plain bytes were read.
    """

    def __init__(self, name: str, raw: BinaryIO, plain: Any) -> None:
        """Take the open source, and the same or a stream that decompresses it."""
        self.name, self._raw, self._plain = name, raw, plain
        self.n_read = 0

    @property
    def position(self) -> int:
        """How many bytes of the source, as it is stored, were read; 0 if that is not known."""
        try:
            return int(self._raw.tell())
        except OSError:
            return 0

    def read(self, n_bytes: int = BLOCK_BYTES) -> bytes:
        """Return the next bytes, at most `n_bytes`, and nothing at the end.

        Raises:
            FileFormatError: the source cannot be read, or its compressed data is damaged.
        """
        try:
            data: bytes = self._plain.read(n_bytes)
        except (OSError, EOFError, zlib.error, ValueError) as error:
            self._fail(error)
        except Exception as error:  # lzma.LZMAError, and errors of the packages that fsspec calls.
            self._fail(error)
        self.n_read += len(data)
        return data

    def _fail(self, error: Exception) -> None:
        if self._plain is self._raw:
            with told(self.name):
                raise error
        raise FileFormatError(
            f"{self.name}: the compressed data is damaged or cut off after {self.n_read} bytes of text ({error}); "
            "get the file again, or give --on-error skip (on_error='skip') to use the text before the damage"
        ) from None


@contextmanager
def opened(place: Place) -> Iterator[Stream]:
    """Open a source as a stream of plain bytes; the end of its name tells how it is compressed.

    Raises:
        FileFormatError: the source cannot be opened, or a package is missing.
    """
    decompress = _DECOMPRESS[compression_of(place.name)]
    with place.open() as raw:
        yield Stream(place.name, raw, decompress(raw, place.name))


def _plain(raw: BinaryIO, _: str) -> BinaryIO:
    return raw


def _gzip(raw: BinaryIO, _: str) -> BinaryIO:
    import gzip

    return gzip.GzipFile(fileobj=raw)  # type: ignore[return-value]


def _xz(raw: BinaryIO, _: str) -> BinaryIO:
    import lzma

    return lzma.LZMAFile(raw)  # type: ignore[return-value]


def _bz2(raw: BinaryIO, _: str) -> BinaryIO:
    import bz2

    return bz2.BZ2File(raw)  # type: ignore[return-value]


def _zstd(raw: BinaryIO, name: str) -> Any:
    try:
        import pyarrow
    except ImportError:
        raise FileFormatError(f"{name}: the package pyarrow is missing; {INSTALL}") from None
    return pyarrow.CompressedInputStream(pyarrow.PythonFile(raw, "r"), "zstd")


_DECOMPRESS: dict[str, Callable[[BinaryIO, str], Any]] = {
    "": _plain,
    ".gz": _gzip,
    ".xz": _xz,
    ".zst": _zstd,
    ".bz2": _bz2,
}
