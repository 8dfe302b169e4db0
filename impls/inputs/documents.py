"""The documents of a file, one at a time: text between separators, or the lines of a JSON lines file.

Memory holds one document at a time.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

from impls.errors import FileFormatError

BLOCK_BYTES = 1 << 20


def json_lines(path: Path, field: str) -> Iterator[bytes]:
    """Yield the text of each line of a JSON lines file, the string in `field`, as UTF-8.

    Raises:
        FileFormatError: a line is not an object with a string in `field`; the message has the number of the line.
    """
    with path.open("rb") as file:
        for number, line in enumerate(file, 1):
            try:
                text = json.loads(line)[field]
                yield text.encode()
            except (ValueError, KeyError, TypeError, AttributeError):
                raise FileFormatError(
                    f"{path}: line {number}: is not a JSON object with a string in the field {field!r}; "
                    "correct the line"
                ) from None


def separated(path: Path, separator: bytes) -> Iterator[bytes]:
    """Yield the texts between the separators of a file; a file without a separator is one document."""
    parts: list[bytes] = []
    end = b""  # It may be the beginning of a separator.
    with path.open("rb") as file:
        while block := file.read(BLOCK_BYTES):
            *whole, rest = (end + block).split(separator)
            for document in whole:
                yield b"".join([*parts, document])
                parts = []
            cut = max(0, len(rest) - len(separator) + 1)
            parts.append(rest[:cut])
            end = rest[cut:]
    yield b"".join([*parts, end])


def contains(path: Path, separator: bytes) -> bool:
    """Tell whether a file holds a separator."""
    end = b""  # It may be the beginning of a separator.
    with path.open("rb") as file:
        while block := file.read(BLOCK_BYTES):
            text = end + block
            if separator in text:
                return True
            end = text[-len(separator) :]
    return False
