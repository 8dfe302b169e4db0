"""Folders for our files: each carries our mark, and one process at a time writes to it.

A new or empty folder gets a mark, the file `.mergelab`. A folder with files and without a mark belongs to somebody
else and is refused. A process that writes to a folder holds a lock on the file `.mergelab.lock`, which says who that
is.
"""

from __future__ import annotations

import fcntl
import json
import os
import re
import socket
import sys
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from impls.errors import FileFormatError

MARK = ".mergelab"

MARK_BYTES = 1 << 16


@contextmanager
def claimed(folder: Path, kind: str, ours: Collection[str]) -> Iterator[Path]:
    """Claim a folder during the block: it is marked and locked, and nothing that we write there is a link.

    Args:
        folder: the folder; made if it does not exist.
        kind: the purpose of the folder, such as "data" or "run"; a folder of another kind is refused.
        ours: names of the files and folders that we write there.

    Yields:
        The path of the folder, with all links resolved.

    Raises:
        FileFormatError: the folder holds files that are not ours, is of another kind, is being written by another
            process, or cannot be made; the message names one offender.
    """
    folder = Path(os.path.realpath(folder))
    mark(folder, kind)
    with _locked(folder / MARK, folder) as opened:
        found = _read_mark(opened, folder)
        if found != kind:
            raise FileFormatError(f"{folder}: is a {found} folder of ours, not a {kind} folder; give another folder")
        for name in sorted(ours):
            _refuse_links(folder / name)
        yield folder


def _refuse_links(path: Path) -> None:
    """Check that neither a file or folder of ours, nor what is directly inside it, is a link."""
    try:
        inside = sorted(path.iterdir()) if path.is_dir() else []
    except OSError as error:
        raise FileFormatError(f"{path}: {error.strerror}; give another folder") from None
    for place in (path, *inside):
        refuse_link(place)


def refuse_link(path: Path) -> None:
    """Check that a file that we write is not a link.

    Raises:
        FileFormatError: it is one, and its target would be written.
    """
    if path.is_symlink():
        raise FileFormatError(f"{path}: is a link, and its target would be written; remove it")


def mark(folder: Path, kind: str) -> None:
    """Make a folder with our mark; one that is there already must have a mark, or be empty.

    Raises:
        FileFormatError: it holds what is not ours, or cannot be made; the message names one offender.
    """
    path, temporary = folder / MARK, folder / f"{MARK}.{os.getpid()}"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        if path.exists() and not path.is_symlink():
            return
        offender = next((found.name for found in sorted(folder.iterdir()) if not _is_mark(found)), None)
        if offender is not None:
            raise FileFormatError(
                f"{folder}: holds {offender!r} but no mark of ours, the file {MARK}; give a new or an empty folder"
            )
        try:
            temporary.write_bytes(json.dumps({"kind": kind}).encode())
            temporary.replace(path)
        finally:
            temporary.unlink(missing_ok=True)
    except OSError as error:
        raise FileFormatError(f"{error.filename or folder}: {error.strerror}; give a folder") from None


def _is_mark(path: Path) -> bool:
    """Tell whether a file is a mark, or of a process that marks the folder at this moment."""
    return path.name.startswith(f"{MARK}.") or (path.name == MARK and not path.is_symlink())


def remove(folder: Path, ours: str) -> None:
    """Remove a folder that holds nothing but files of ours; do nothing where there is no such folder.

    Args:
        folder: inside a folder that is claimed.
        ours: a regular expression that matches the whole name of each of our files.

    Raises:
        FileFormatError: it is a link or holds something else, which the message names; then nothing is removed.
    """
    try:
        if folder.is_symlink():
            raise FileFormatError(f"{folder}: is a link, and is not removed; remove it yourself")
        paths = sorted(folder.iterdir()) if folder.exists() else []
        for path in paths:
            if not re.fullmatch(ours, path.name) or path.is_symlink() or not path.is_file():
                raise FileFormatError(f"{path}: is not ours, so {folder} is not removed; move {path.name} elsewhere")
        for path in paths:
            path.unlink()
        if folder.exists():
            folder.rmdir()
    except OSError as error:
        raise FileFormatError(f"{error.filename or folder}: {error.strerror}; remove the folder yourself") from None


def refuse_same_file(output: str | os.PathLike[str], *inputs: str | os.PathLike[str]) -> None:
    """Check that an output is not the same file as an input, under any name or link.

    Raises:
        FileFormatError: the output is an input, which would be replaced.
    """
    for path in inputs:
        if os.path.realpath(output) == os.path.realpath(path) or (
            os.path.exists(output) and os.path.exists(path) and os.path.samefile(output, path)  # noqa: PTH110, PTH121
        ):
            raise FileFormatError(f"{output}: is the input {path}, and would be replaced; give another output")


@contextmanager
def _locked(path: Path, folder: Path) -> Iterator[BinaryIO]:
    holder = path.with_name(f"{MARK}.lock")
    try:
        file = os.fdopen(os.open(holder, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o644), "r+b")
        opened = path.open("rb")
    except OSError as error:
        raise FileFormatError(f"{error.filename}: {error.strerror}; give another folder") from None
    with file, opened:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            told = file.read(MARK_BYTES).decode(errors="replace").strip() or "another process"
            raise FileFormatError(
                f"{folder}: is being written by {told}; wait for it, or give another folder"
            ) from None
        file.truncate(0)
        file.write(f"process {os.getpid()} on {socket.gethostname()} ({_program()})".encode())
        file.flush()
        try:
            yield opened
        finally:
            fcntl.flock(file, fcntl.LOCK_UN)  # Processes that were forked meanwhile hold the same lock.


def _program() -> str:
    """Return the name of the command that runs."""
    path = Path(sys.argv[0])
    return path.parent.name if path.name == "__main__.py" else path.name


def _read_mark(file: BinaryIO, folder: Path) -> str:
    try:
        return str(json.loads(file.read(MARK_BYTES))["kind"])
    except (ValueError, LookupError, TypeError):
        raise FileFormatError(f"{folder / MARK}: is damaged; give another folder") from None
