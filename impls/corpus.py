"""A corpus is a file of bytes; this is where files are read and cut at places that no pretoken spans.

Files are bytes: no newline translation, and invalid UTF-8 is an error that names the byte offset, or U+FFFD on
request.
"""

from __future__ import annotations

import os
import re
import stat
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from io import BufferedReader
from pathlib import Path
from typing import Literal

import regex

from impls.errors import FileFormatError, InvalidUtf8Error, UsageError
from impls.patterns import PATTERNS, check_special_tokens

RANGE_BYTES = 1 << 20
"""How much of a file one step reads: enough to hide the cost of a step, little beside a machine's memory."""

WINDOW_BYTES = 1 << 12
"""How much is looked at when searching for a safe cut; doubled while none is found."""


Read = Callable[[int, int], bytes]
"""Returns bytes [start, stop) of a text."""


def decode_utf8(data: bytes, source: str, offset: int = 0, errors: str = "strict") -> str:
    """Decode `data`, which begins at byte `offset` of `source`.

    Raises:
        InvalidUtf8Error: with `errors` "strict", naming the offset in `source`.
    """
    try:
        return data.decode("utf-8", errors)
    except UnicodeDecodeError as error:
        raise InvalidUtf8Error(source, offset + error.start) from None


@dataclass(frozen=True)
class Corpus:
    """A text file that exists and is not empty.

    Attributes:
        path: the file.
        n_bytes: its size when it was opened; what is appended later does not count.
        file_id: device and number of the file, by which one that took its place is told from it.
        errors: what invalid UTF-8 gets: "strict", an error; "replace", U+FFFD.
    """

    path: Path
    n_bytes: int
    file_id: tuple[int, int]
    errors: Literal["strict", "replace"] = "strict"

    @classmethod
    def open(cls, path: str | os.PathLike[str], errors: Literal["strict", "replace"] = "strict") -> Corpus:
        """Look at the file.

        Raises:
            FileFormatError: missing, not a regular file, unreadable, or empty.
            UsageError: `errors` is neither "strict" nor "replace".
        """
        if errors not in ("strict", "replace"):
            raise UsageError(f"errors: unknown value {errors!r}; give 'strict' or 'replace'")
        path = Path(path)
        try:
            # Before it is opened: opening a pipe would wait for somebody to write to it.
            if not stat.S_ISREG(path.stat().st_mode):
                raise FileFormatError(f"{path}: {_kind(path)}; give a text file")
            with path.open("rb") as file:
                found = os.fstat(file.fileno())
        except OSError as error:
            raise FileFormatError(f"{path}: {error.strerror}; give a readable text file") from None
        if found.st_size == 0:
            raise FileFormatError(f"{path}: the file is empty; give a file that holds text")
        return cls(path, found.st_size, (found.st_dev, found.st_ino), errors)

    def read(self, start: int, stop: int) -> bytes:
        """Return bytes [start, stop) of the file.

        Raises:
            FileFormatError: since it was opened, the file shrank to less than `stop`, or another took its place.
        """
        with self._open_at(start) as file:
            data = file.read(stop - start)
            self._check(file, start, len(data), stop)
        return data

    def read_into(self, start: int, target: memoryview) -> None:
        """Fill `target` with the bytes from `start` on; memory that is used again costs no page faults."""
        with self._open_at(start) as file:
            self._check(file, start, file.readinto(target), start + len(target))

    @contextmanager
    def _open_at(self, start: int) -> Iterator[BufferedReader]:
        try:
            with self.path.open("rb") as file:
                file.seek(start)
                yield file
        except OSError as error:
            raise FileFormatError(f"{self.path}: {error.strerror}") from None

    def _check(self, file: BufferedReader, start: int, n_read: int, stop: int) -> None:
        found = os.fstat(file.fileno())
        if (found.st_dev, found.st_ino) != self.file_id:
            raise FileFormatError(f"{self.path}: another file took its place while it was read; read it again")
        if start + n_read < stop:
            end = min(found.st_size, start + n_read)
            raise FileFormatError(f"{self.path}: shrank while it was read, at byte {end}; read it again")

    def text(self, start: int, stop: int) -> str:
        """Return bytes [start, stop) decoded.

        Raises:
            InvalidUtf8Error: they are not UTF-8 and `errors` is "strict".
            FileFormatError: the file shrank.
        """
        return decode_utf8(self.read(start, stop), str(self.path), start, self.errors)

    def ranges(
        self, pattern: str, special_tokens: Sequence[str], range_bytes: int = RANGE_BYTES
    ) -> Iterator[tuple[int, int]]:
        """Yield byte ranges of about `range_bytes` that cover the file and can be counted or encoded apart."""
        return SafeCuts(pattern, special_tokens).ranges(self.read, self.n_bytes, range_bytes)


def _kind(path: Path) -> str:
    return "Is a directory" if path.is_dir() else "not a regular file"


NOT_SPACE, WORD = regex.compile(r"\S"), regex.compile(r"[\p{L}\p{N}]")


class SafeCuts:
    """Finds places where a text can be cut so that both parts split into the pretokens of the whole.

    Such a place is the start of a special token; for the named patterns also a point between a character that is not
    whitespace and ASCII whitespace: each of them ends a pretoken there and none looks behind itself. Only, `gpt4` and
    `o200k` let punctuation take the line ends behind it, so that there a line end must follow a letter or number.
    No occurrence of a special token may span the place, else the special tokens found could change.
    """

    def __init__(self, pattern: str, special_tokens: Sequence[str]) -> None:
        """Prepare the search for candidates."""
        self._specials = [token.encode() for token in check_special_tokens(special_tokens)]
        self.margin = max([4, *map(len, self._specials)])
        self._ends_line = WORD if pattern != "gpt2" else NOT_SPACE
        candidates = [b"(?=" + re.escape(token) + b")" for token in self._specials]
        if pattern in PATTERNS:
            candidates.append(rb"(?<![ \t\r\n])(?=[ \t\r\n])")
        self._candidates = re.compile(b"|".join(candidates)) if candidates else None

    def _spanned(self, data: bytes, place: int) -> bool:
        return any(
            data.startswith(token, start)
            for token in self._specials
            for start in range(max(0, place - len(token) + 1), place)
        )

    def _is_safe(self, data: bytes, place: int) -> bool:
        return not self._spanned(data, place) and (
            any(data.startswith(token, place) for token in self._specials) or self._ends_pretoken(data, place)
        )

    def _ends_pretoken(self, data: bytes, place: int) -> bool:
        """Tell whether the character before the whitespace at `place` ends a pretoken whatever is around it."""
        lead = place - 1
        while lead > max(0, place - 4) and data[lead] & 0xC0 == 0x80:
            lead -= 1
        try:
            before = data[lead:place].decode()
        except UnicodeDecodeError:
            return False
        return bool((self._ends_line if data[place] in b"\r\n" else NOT_SPACE).fullmatch(before))

    def first_in(self, data: bytes, start: int) -> int | None:
        """Return the first safe cut of `data` at or after `start` >= 1; None if there is none.

        A cut is reported only where `margin` bytes follow, unless `data` is where the text ends, and what is before
        `start - margin` is not looked at.
        """
        if self._candidates is None:
            return None
        for match in self._candidates.finditer(data, max(start, 1)):
            if self._is_safe(data, match.start()):
                return match.start()
        return None

    def last_in(self, text: str) -> int | None:
        """Return the last safe cut of `text` that more text could not undo, in characters; None if there is none."""
        data = text.encode(errors="surrogatepass")
        window = 4 * self.margin + 64
        while self._candidates is not None:
            start = max(1, len(data) - window)
            for match in reversed(list(self._candidates.finditer(data, start))):
                if match.start() + self.margin <= len(data) and self._is_safe(data, match.start()):
                    return len(data[: match.start()].decode(errors="surrogatepass"))
            if start == 1:
                break
            window *= 4
        return None

    def first_after(self, read: Read, n_bytes: int, wanted: int) -> int:
        """Return the first safe cut of a text of `n_bytes` at or after byte `wanted`; its end if there is none."""
        window = WINDOW_BYTES
        while wanted < n_bytes:
            start = max(0, wanted - self.margin)
            stop = min(n_bytes, wanted + window + self.margin)
            place = self.first_in(read(start, stop), wanted - start)
            if place is not None and (start + place + self.margin <= stop or stop == n_bytes):
                return start + place
            wanted = max(wanted + 1, stop - self.margin)
            window *= 2
        return n_bytes

    def ranges(self, read: Read, n_bytes: int, range_bytes: int) -> Iterator[tuple[int, int]]:
        """Yield ranges of about `range_bytes`, cut at safe places, that cover a text of `n_bytes`."""
        start = 0
        while start < n_bytes:
            stop = self.first_after(read, n_bytes, start + range_bytes)
            yield start, stop
            start = stop
