"""Files are written under a temporary name and then renamed, so a reader never sees half a file.

Compiled code is read only from files that nobody else can have written.
"""

from __future__ import annotations

import errno
import os
import secrets
import stat
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO

from impls import system
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
    """Remove all temporary files; for a process that ends without leaving its `with` blocks."""
    for path in tuple(_unfinished):
        _discard(path)


@contextmanager
def atomic_writer(path: str | os.PathLike[str]) -> Iterator[BinaryIO]:
    """Open a file for writing; it appears under its name when the block ends, and not at all if the block fails.

    If the file replaces another file, it gets the permissions of the other file.

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
            with _create(temporary, target) as file:
                yield file
                file.flush()
                os.fsync(file.fileno())
            temporary.replace(target)
        except OSError as error:
            # Work inside the block may have failed on another file.
            place = path if error.filename in (None, str(temporary)) else error.filename
            told = f"{place}: {error.strerror or error}; nothing was written: make room, or give another path"
            raise FileFormatError(told) from None


def _create(temporary: Path, target: Path) -> BinaryIO:
    """Create a file with the permissions of the file that it will replace.

    Before it has them, only this user can read it.
    """
    if not target.exists():
        return temporary.open("xb")
    file = open(temporary, "xb", opener=lambda path, flags: os.open(path, flags, 0o600))  # noqa: SIM115
    system.copy_mode(target, file)
    return file


class NotOursError(OSError):
    """Another user could have written a file or folder of the cache, so its code must not run."""


def _check_ours(found: os.stat_result, path: Path) -> None:
    if fault := system.owner_of(found):
        raise NotOursError(errno.EPERM, fault, str(path))


def read_private(path: Path) -> bytes:
    """Return the content of a file, if only this user can have written the file and its folder.

    Links are not followed, and a pipe is not waited for.

    Raises:
        NotOursError: the file or its folder belongs to another user or can be written by others, or the file is not a
            regular file.
        OSError: the file cannot be read.
    """
    _check_ours(system.stat_folder(path.parent), path.parent)
    descriptor = os.open(path, os.O_RDONLY | system.flags("O_NOFOLLOW", "O_NONBLOCK", "O_CLOEXEC", "O_BINARY"))
    with os.fdopen(descriptor, "rb") as file:
        found = os.fstat(descriptor)
        if not stat.S_ISREG(found.st_mode):
            raise NotOursError(errno.EINVAL, "is not a regular file", str(path))
        _check_ours(found, path)
        return file.read()


def write_private(path: Path, content: bytes) -> None:
    """Write a file that only this user can write, whole or not at all; its folder is made likewise if needed.

    Raises:
        NotOursError: the folder exists and belongs to another user, or can be written by others.
        OSError: the file cannot be written.
    """
    path.parent.parent.mkdir(parents=True, exist_ok=True)
    path.parent.mkdir(mode=0o700, exist_ok=True)
    _check_ours(system.stat_folder(path.parent), path.parent)
    with _temporary(path.parent) as temporary:
        others = system.flags("O_NOFOLLOW", "O_CLOEXEC", "O_BINARY")
        descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL | others, 0o600)
        with os.fdopen(descriptor, "wb") as file:
            file.write(content)
        temporary.replace(path)
