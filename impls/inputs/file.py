"""A text file, read in ranges; each read checks that the file is still the file that was opened."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from io import BufferedReader
from pathlib import Path

from impls.arguments import Errors, check_errors, check_path
from impls.cuts import SafeCuts
from impls.errors import FileFormatError
from impls.inputs.text import RANGE_BYTES, decode_utf8


@dataclass(frozen=True)
class TextFile:
    """A text file that exists and is not empty, or a part of it. See `inputs.text.Text`.

    Attributes:
        path: the file.
        start: offset in the file, in bytes, of the part's first byte.
        stop: offset of the byte after the part's last byte. Text appended to the file after `open` is ignored.
        file_id: device and inode of the file, taken when it was opened; if they change, another file has taken its
            place.
        state: size in bytes and modification time in nanoseconds of the file, taken when it was opened; they show
            whether the file was rewritten.
        errors: how invalid UTF-8 is treated: "strict" raises an error, "replace" gives U+FFFD.
    """

    path: Path
    start: int
    stop: int
    file_id: tuple[int, int]
    state: tuple[int, int]
    errors: Errors = "strict"

    @classmethod
    def open(cls, path: str | os.PathLike[str], errors: Errors = "strict") -> TextFile:
        """Check that a file can be read, and return all of it as a text.

        Raises:
            FileFormatError: the file is missing, not a regular file, unreadable, or empty.
            UsageError: `errors` is neither "strict" nor "replace".
        """
        errors = check_errors(errors)
        path = check_path(path)
        found = cls.look(path)
        if found.st_size == 0:
            raise FileFormatError(f"{path}: the file is empty; give a file that holds text")
        return cls(path, 0, found.st_size, (found.st_dev, found.st_ino), _state(found), errors)

    @staticmethod
    def look(path: Path) -> os.stat_result:
        """Check that a file can be read, and return what the system tells about it.

        Raises:
            FileFormatError: the file is missing, not a regular file, or unreadable.
        """
        try:
            # Checked before the file is opened: opening a pipe waits until somebody writes to it.
            if not stat.S_ISREG(path.stat().st_mode):
                raise FileFormatError(f"{path}: {_kind(path)}; give a text file")
            with path.open("rb") as file:
                return os.fstat(file.fileno())
        except OSError as error:
            raise FileFormatError(f"{path}: {error.strerror}; give a readable text file") from None

    @property
    def name(self) -> str:
        """The path of the file, for error messages."""
        return str(self.path)

    @property
    def n_bytes(self) -> int:
        """Number of bytes."""
        return self.stop - self.start

    def part(self, start: int, stop: int) -> TextFile:
        """Return bytes [start, stop) of the file as a text. See `Text.part`."""
        return replace(self, start=start, stop=stop)

    def read(self, start: int, stop: int) -> bytes:
        """Return bytes [start, stop) of the file.

        Raises:
            FileFormatError: after `open`, the file shrank to less than `stop`, or another file took its place.
        """
        with self._open_at(start) as file:
            data = file.read(stop - start)
            self._check(file, start, len(data), stop)
        return data

    def read_into(self, start: int, target: memoryview) -> None:
        """Fill `target` with the bytes from `start` on. See `Text.read_into`."""
        with self._open_at(start) as file:
            self._check(file, start, file.readinto(target), start + len(target))

    @contextmanager
    def _open_at(self, start: int) -> Iterator[BufferedReader]:
        try:
            with self.path.open("rb") as file:
                file.seek(start)
                yield file
        except OSError as error:
            raise FileFormatError(f"{self.path}: {error.strerror}; give a readable text file") from None

    def _check(self, file: BufferedReader, start: int, n_read: int, stop: int) -> None:
        found = os.fstat(file.fileno())
        if (found.st_dev, found.st_ino) != self.file_id:
            raise FileFormatError(f"{self.path}: another file took its place during the reading; read it again")
        if start + n_read < stop:
            end = min(found.st_size, start + n_read)
            raise FileFormatError(f"{self.path}: shrank while it was read, and ends at byte {end}; read it again")

    def check_unchanged(self) -> None:
        """Check, after reading, that the file was not rewritten since it was opened; text appended to it is ignored.

        Raises:
            FileFormatError: the file has the same size but another modification time, or it no longer exists.
        """
        with self._open_at(self.start) as file:
            found = _state(os.fstat(file.fileno()))
            self._check(file, self.stop, 0, self.stop)
        if found != self.state and found[0] == self.state[0]:
            raise FileFormatError(f"{self.path}: was rewritten while it was read; read it again")

    def text(self, start: int, stop: int) -> str:
        """Return bytes [start, stop) decoded. See `Text.text`."""
        return decode_utf8(self.read(start, stop), self.name, start, self.errors)

    def ranges(
        self, pattern: str, special_tokens: Sequence[str], range_bytes: int = RANGE_BYTES
    ) -> Iterator[tuple[int, int]]:
        """Yield ranges (start, stop) of about `range_bytes` bytes each that cover the text. See `Text.ranges`."""
        return SafeCuts(pattern, special_tokens).ranges(self.read, self.start, self.stop, range_bytes)


def _state(found: os.stat_result) -> tuple[int, int]:
    return found.st_size, found.st_mtime_ns


def _kind(path: Path) -> str:
    return "Is a directory" if path.is_dir() else "not a regular file"
