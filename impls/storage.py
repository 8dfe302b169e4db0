"""Files are written under a temporary name and renamed: a reader never sees half of one."""

from __future__ import annotations

import errno
import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from impls.errors import FileFormatError


@contextmanager
def atomic_writer(path: str | os.PathLike[str]) -> Iterator[BinaryIO]:
    """Open a file for writing that appears under its name when the block ends, and not at all when it fails.

    Raises:
        FileFormatError: the folder is not there or not writable, or the disk is full.
    """
    target = Path(os.path.realpath(path))  # What a link points to is written, the link stays.
    temporary = target.parent / f".{secrets.token_hex(8)}.tmp"
    try:
        if target.is_dir():
            raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR))
        if target.exists() and not target.is_file():
            raise OSError(errno.EINVAL, "not a regular file")
        file = temporary.open("xb")
    except OSError as error:
        raise FileFormatError(f"{path}: {error.strerror}; nothing was written") from None
    try:
        with file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(target)
    except OSError as error:
        raise FileFormatError(f"{path}: {error.strerror or error}; nothing was written") from None
    finally:
        temporary.unlink(missing_ok=True)


def write_cache_entry(path: Path, content: bytes) -> None:
    """Write a file of the cache, whole or not at all; one that cannot be written is made again next time."""
    temporary = path.with_name(f".{secrets.token_hex(8)}.tmp")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        temporary.write_bytes(content)
        temporary.replace(path)
    except OSError:
        temporary.unlink(missing_ok=True)
