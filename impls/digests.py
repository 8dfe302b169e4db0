"""Digests: damage to a file is found before anything of the file is used.

A sealed file ends with the digest of all bytes before it. A manifest is a file that lists the digests of the other
files in its folder.
"""

from __future__ import annotations

import errno
import hashlib
import json
import os
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any, BinaryIO

from impls.errors import FileFormatError
from impls.storage import atomic_writer

SEAL = b"mergelab sha256 "
"""The bytes that stand before the digest at the end of a sealed file."""

SEAL_BYTES = len(SEAL) + 32

BLOCK_BYTES = 1 << 20

MANIFEST = "digests.json"


def digest_of(values: object) -> str:
    """Return the digest of plain values, in hexadecimal; it does not depend on the order of keys."""
    return hashlib.sha256(json.dumps(values, sort_keys=True).encode()).hexdigest()


def with_digest(values: dict[str, Any]) -> dict[str, Any]:
    """Return plain values with their digest, under the name `digest`."""
    return values | {"digest": digest_of(values)}


def without_digest(values: dict[str, Any]) -> dict[str, Any]:
    """Undo `with_digest`; raise ValueError if a value has changed, KeyError if there is no digest."""
    rest = {name: value for name, value in values.items() if name != "digest"}
    if values["digest"] != digest_of(rest):
        raise ValueError("the values have changed since their digest was made")
    return rest


class _Digesting:
    """A binary file, open for writing, that computes the digest of all bytes written to it."""

    def __init__(self, file: BinaryIO | IO[bytes]) -> None:
        self._file, self.sum = file, hashlib.sha256()

    def write(self, content: bytes) -> int:
        self.sum.update(content)
        return self._file.write(content)

    def flush(self) -> None:
        self._file.flush()


@contextmanager
def sealed(file: BinaryIO | IO[bytes]) -> Iterator[Any]:
    """Yield a file to write to, with `write` and `flush`.

    When the block ends, the digest of all bytes written is appended.
    """
    digesting = _Digesting(file)
    yield digesting
    file.write(SEAL + digesting.sum.digest())


def seal_is_whole(file: BinaryIO | IO[bytes]) -> bool:
    """Tell whether a file ends with the digest of its bytes from the present position on; the position stays."""
    start = file.tell()
    left = file.seek(0, os.SEEK_END) - start - SEAL_BYTES
    file.seek(start)
    found = hashlib.sha256()
    while left > 0 and (block := file.read(min(left, BLOCK_BYTES))):
        found.update(block)
        left -= len(block)
    whole = left == 0 and file.read() == SEAL + found.digest()
    file.seek(start)
    return whole


def write_manifest(folder: Path, names: Iterable[str]) -> None:
    """Write the digests of files to `digests.json` in their folder.

    Raises:
        FileFormatError: a file cannot be read or written.
    """
    digests = {name: digest_of_file(folder / name) for name in names}
    with atomic_writer(folder / MANIFEST) as file:
        file.write(json.dumps({"version": 1, "sha256": digests}, indent=1).encode())


def check_manifest(folder: Path, needed: Iterable[str]) -> None:
    """Check the files that `digests.json` lists; if the folder has no `digests.json`, check nothing.

    Args:
        folder: the folder of the files.
        needed: names of files that `digests.json` must list.

    Raises:
        FileFormatError: a file has changed or is missing, or the manifest is damaged.
    """
    path = folder / MANIFEST
    if not path.exists():
        return
    try:
        values = json.loads(path.read_bytes())
        digests: dict[str, str] = dict(values["sha256"]) if values["version"] == 1 else {}
    except (OSError, ValueError, LookupError, TypeError, RecursionError):
        digests = {}
    if not digests.keys() >= set(needed):
        raise FileFormatError(f"{path}: is damaged or of another version; make the folder again")
    for name, digest in digests.items():
        if digest_of_file(folder / name) != digest:
            raise FileFormatError(
                f"{folder / name}: is damaged or was changed: its digest is not the one in {path}; make the folder "
                f"again, or remove {MANIFEST} if you changed the file"
            )


def digest_of_file(path: Path) -> str:
    """Return the sha256 of a regular file, in hexadecimal.

    Raises:
        FileFormatError: the file is missing, no regular file, or cannot be read.
    """
    try:
        if not path.is_file():  # A pipe would be waited for.
            raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT))
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except (OSError, ValueError) as error:  # A name with a null byte is a ValueError.
        raise FileFormatError(f"{path}: {getattr(error, 'strerror', None) or error}; make the folder again") from None
