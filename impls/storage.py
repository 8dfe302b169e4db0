"""Files are written under a temporary name and then renamed, so a reader never sees half a file."""

from __future__ import annotations

import errno
import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO

from impls.errors import FileFormatError

_unfinished: set[Path] = set()


@contextmanager
def _temporary(folder: Path) -> Iterator[Path]:
    """Yield a name for a file in `folder`; the file is removed when the block ends or the process is interrupted."""
    path = folder / f".{secrets.token_hex(8)}.tmp"
    _unfinished.add(path)
    try:
        yield path
    finally:
        _discard(path)


def _discard(path: Path) -> None:
    with suppress(OSError):
        path.unlink()
    _unfinished.discard(path)


def discard_unfinished() -> None:
    """Remove all temporary files: for a process that ends without leaving its `with` blocks."""
    for path in tuple(_unfinished):
        _discard(path)


@contextmanager
def atomic_writer(path: str | os.PathLike[str]) -> Iterator[BinaryIO]:
    """Open a file for writing; it appears under its name when the block ends, and not at all if the block fails.

    Raises:
        FileFormatError: the folder is missing or not writable, or the disk is full.
    """
    target = Path(os.path.realpath(path))  # The target of a link is written, the link stays.
    with _temporary(target.parent) as temporary:
        try:
            if target.is_dir():
                raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR))
            if target.exists() and not target.is_file():
                raise OSError(errno.EINVAL, "not a regular file")
            with temporary.open("xb") as file:
                yield file
                file.flush()
                os.fsync(file.fileno())
            temporary.replace(target)
        except OSError as error:
            # Work inside the block may have failed on another file.
            place = path if error.filename in (None, str(temporary)) else error.filename
            raise FileFormatError(f"{place}: {error.strerror or error}; nothing was written") from None


def write_cache_entry(path: Path, content: bytes) -> None:
    """Write a file of the cache, whole or not at all.

    Raises:
        OSError: the file cannot be written; its content has to be made again next time.
    """
    with _temporary(path.parent) as temporary:
        path.parent.mkdir(parents=True, exist_ok=True)
        temporary.write_bytes(content)
        temporary.replace(path)
