"""Folders for our files: each folder has our mark, and only one process at a time writes to it.

A new or empty folder gets a mark, the file `.mergelab`. A folder that holds files but no mark belongs to somebody
else, and is refused. A process that writes to a folder holds a lock on the file `.mergelab.lock`; the content of this
file names the process.
"""

from __future__ import annotations

import json
import os
import re
import socket
import sys
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from impls import system
from impls.errors import FileFormatError

MARK = ".mergelab"

MARK_BYTES = 1 << 16


@contextmanager
def claimed(folder: Path, kind: str, ours: Collection[str]) -> Iterator[Path]:
    """Claim a folder during the block: mark and lock it, and check that nothing that we write there is a link.

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
            raise FileFormatError(f"{folder}: is a mergelab folder for {found}, not for {kind}; give another folder")
        for name in sorted(ours):
            _refuse_links(folder / name)
        yield folder


def _refuse_links(path: Path) -> None:
    """Check that a path of ours is not a link, and that nothing directly inside it is a link."""
    try:
        inside = sorted(path.iterdir()) if path.is_dir() else []
    except OSError as error:
        raise FileFormatError(f"{path}: {error.strerror}; give another folder") from None
    for place in (path, *inside):
        refuse_link(place)


def refuse_link(path: Path) -> None:
    """Check that a file that we write is not a link.

    Raises:
        FileFormatError: the file is a link, so the target of the link would be overwritten.
    """
    if path.is_symlink():
        raise FileFormatError(f"{path}: is a link, and its target would be overwritten; remove the link")


def mark(folder: Path, kind: str) -> None:
    """Make a folder with our mark; a folder that exists already must be empty or have a mark.

    Raises:
        FileFormatError: the folder holds files but no mark, or cannot be made; the message names one of the files.
    """
    path, temporary = folder / MARK, folder / f"{MARK}.{os.getpid()}"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        if path.exists() and not path.is_symlink():
            return
        offender = next((found.name for found in sorted(folder.iterdir()) if not _is_mark(found)), None)
        if offender is not None:
            raise FileFormatError(
                f"{folder}: holds {offender!r} but not {MARK}, mergelab's mark; give a new or an empty folder"
            )
        try:
            temporary.write_bytes(json.dumps({"kind": kind}).encode())
            temporary.replace(path)
        finally:
            temporary.unlink(missing_ok=True)
    except OSError as error:
        raise FileFormatError(f"{error.filename or folder}: {error.strerror}; give another folder") from None


def _is_mark(path: Path) -> bool:
    """Tell whether a file is our mark, or a temporary file of a process that is making the mark now."""
    return path.name.startswith(f"{MARK}.") or (path.name == MARK and not path.is_symlink())


def remove(folder: Path, ours: str) -> None:
    """Remove a folder that holds only our own files; if there is no such folder, do nothing.

    Args:
        folder: the folder to remove; it must be inside a folder that this process has claimed.
        ours: a regular expression that matches the whole name of each of our files.

    Raises:
        FileFormatError: the folder is a link or holds other files, and nothing is removed; the message names the
            obstacle.
    """
    try:
        if folder.is_symlink():
            raise FileFormatError(f"{folder}: is a link, which mergelab never removes; remove the link yourself")
        paths = sorted(folder.iterdir()) if folder.exists() else []
        for path in paths:
            if not re.fullmatch(ours, path.name) or path.is_symlink() or not path.is_file():
                raise FileFormatError(
                    f"{path}: was not made by mergelab, so {folder} is not removed; move {path.name} elsewhere"
                )
        for path in paths:
            path.unlink()
        if folder.exists():
            folder.rmdir()
    except OSError as error:
        raise FileFormatError(f"{error.filename or folder}: {error.strerror}; remove the folder yourself") from None


def refuse_same_file(output: str | os.PathLike[str], *inputs: str | os.PathLike[str]) -> None:
    """Check that an output is not the same file as an input, under any name or link.

    Raises:
        FileFormatError: the output is the same file as an input, which would be replaced.
    """
    for path in inputs:
        if os.path.realpath(output) == os.path.realpath(path) or (
            os.path.exists(output) and os.path.exists(path) and os.path.samefile(output, path)  # noqa: PTH110, PTH121
        ):
            raise FileFormatError(
                f"{output}: is the same file as the input {path}, which would be replaced; give another output"
            )


@contextmanager
def _locked(path: Path, folder: Path) -> Iterator[BinaryIO]:
    holder = path.with_name(f"{MARK}.lock")
    try:
        file = os.fdopen(
            os.open(holder, os.O_RDWR | os.O_CREAT | system.flags("O_NOFOLLOW", "O_CLOEXEC"), 0o644), "r+b"
        )
        opened = path.open("rb")
    except OSError as error:
        raise FileFormatError(f"{error.filename}: {error.strerror}; give another folder") from None
    with file, opened:
        try:
            system.lock(file)
        except OSError:
            told = file.read(MARK_BYTES).decode(errors="replace").strip() or "another process"
            raise FileFormatError(
                f"{folder}: is being written by {told}; wait until that ends, or give another folder"
            ) from None
        file.truncate(0)
        file.write(f"process {os.getpid()} on {socket.gethostname()} ({_program()})".encode())
        file.flush()
        try:
            yield opened
        finally:
            system.unlock(file)


def _program() -> str:
    """Return the name of the command that runs."""
    path = Path(sys.argv[0])
    return path.parent.name if path.name == "__main__.py" else path.name


def _read_mark(file: BinaryIO, folder: Path) -> str:
    try:
        return str(json.loads(file.read(MARK_BYTES))["kind"])
    except (ValueError, LookupError, TypeError):
        raise FileFormatError(f"{folder / MARK}: is damaged; give another folder") from None
