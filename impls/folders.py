"""Folders for our files: each carries our mark, and one process at a time writes to it.

A new or empty folder gets a mark, the file `.mergelab`. A folder with files and without a mark belongs to somebody
else and is refused. A process that writes to a folder holds a lock meanwhile.
"""

from __future__ import annotations

import fcntl
import json
import os
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
    """Claim a folder during the block: it is marked and locked, and no file that we write there is a link.

    Args:
        folder: the folder; made if it does not exist.
        kind: the purpose of the folder, such as "data" or "run"; a folder of another kind is refused.
        ours: names of the files that we write there.

    Yields:
        The path of the folder, with all links resolved.

    Raises:
        FileFormatError: the folder holds files that are not ours, is of another kind, is being written by another
            process, or cannot be made; the message names one offender.
    """
    folder = Path(os.path.realpath(folder))
    _make(folder, kind)
    with _locked(folder / MARK, folder) as mark:
        found = _read_mark(mark, folder)
        if found != kind:
            raise FileFormatError(f"{folder}: is a {found} folder of ours, not a {kind} folder; give another folder")
        for name in sorted(ours):
            if (folder / name).is_symlink():
                raise FileFormatError(f"{folder / name}: is a link, and its target would be written; remove it")
        yield folder


def is_ours(folder: Path, kind: str) -> bool:
    """Tell whether a folder carries our mark with this kind."""
    try:
        content = (folder / MARK).read_bytes()[:MARK_BYTES]
        return bool(json.loads(content)["kind"] == kind)
    except (OSError, ValueError, LookupError, TypeError):
        return False


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


def _make(folder: Path, kind: str) -> None:
    """Make a folder with its mark; a folder that exists must have a mark or be empty."""
    mark = folder / MARK
    try:
        folder.mkdir(parents=True, exist_ok=True)
        if mark.is_symlink() or not mark.exists():
            offender = next((path.name for path in sorted(folder.iterdir())), None)
            if offender is not None:
                raise FileFormatError(
                    f"{folder}: holds {offender!r}, which is not ours; give a new or an empty folder"
                )
            with mark.open("xb") as file:
                file.write(json.dumps({"kind": kind}).encode())
    except FileExistsError as error:
        if folder.is_dir():
            return  # Another process was faster; the lock decides which process goes on.
        raise FileFormatError(f"{folder}: {error.strerror}; give a folder") from None
    except OSError as error:
        raise FileFormatError(f"{error.filename or folder}: {error.strerror}; give a folder") from None


@contextmanager
def _locked(mark: Path, folder: Path) -> Iterator[BinaryIO]:
    holder = mark.with_name(f"{MARK}.lock")
    try:
        file = os.fdopen(os.open(holder, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o644), "r+b")
    except OSError as error:
        raise FileFormatError(f"{holder}: {error.strerror}; give another folder") from None
    with file, mark.open("rb") as opened:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            told = file.read(MARK_BYTES).decode(errors="replace").strip() or "another process"
            raise FileFormatError(
                f"{folder}: is being written by {told}; wait for it, or give another folder"
            ) from None
        file.truncate(0)
        file.write(f"process {os.getpid()} on {socket.gethostname()} ({Path(sys.argv[0]).name})".encode())
        file.flush()
        yield opened


def _read_mark(mark: BinaryIO, folder: Path) -> str:
    try:
        return str(json.loads(mark.read(MARK_BYTES))["kind"])
    except (ValueError, LookupError, TypeError):
        raise FileFormatError(f"{folder / MARK}: is damaged; give another folder") from None
