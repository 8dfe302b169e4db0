"""Functions that formats share: they read text and JSON with one-line errors, and write several files together."""

from __future__ import annotations

import json
import os
import re
import warnings
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import Any

from impls.errors import FileFormatError
from impls.storage import atomic_writer

BEGINNING = 1 << 12
"""Bytes of a file that are read to tell its format."""


class FormatNote(UserWarning):
    """What a person should know about a tokenizer that was read from a file of another program."""


def note(place: str, told: str) -> None:
    """Warn that a file was read, but not all of it, or with something added."""
    warnings.warn(f"{place}: {told}", FormatNote, stacklevel=2)


def begins_with(path: Path, expression: bytes) -> bool:
    """Tell whether the beginning of a file matches an expression; a file that cannot be read does not."""
    try:
        with path.open("rb") as file:
            return re.match(expression, file.read(BEGINNING)) is not None
    except OSError:
        return False


def read_text(path: Path) -> str:
    """Return the text of a file.

    Raises:
        FileFormatError: the file cannot be read, or is not UTF-8.
    """
    try:
        return path.read_bytes().decode()
    except OSError as error:
        raise FileFormatError(f"{path}: {error.strerror}; give the file of a tokenizer") from None
    except UnicodeDecodeError as error:
        raise FileFormatError(f"{path}: invalid UTF-8 at byte {error.start}; restore the file") from None


def _refuse_duplicates(items: list[tuple[str, Any]]) -> dict[str, Any]:
    content = dict(items)
    if len(content) < len(items):
        ((name, _),) = Counter(name for name, _ in items).most_common(1)
        raise ValueError(f"the key {name!r} is given twice")
    return content


def read_json(path: Path) -> dict[str, Any]:
    """Return the JSON object in a file; a key that is given twice is an error.

    Raises:
        FileFormatError: the file cannot be read, or does not hold a JSON object.
    """
    text = read_text(path)
    try:
        content = json.loads(text, object_pairs_hook=_refuse_duplicates)
    except (ValueError, RecursionError) as error:
        raise FileFormatError(f"{path}: not JSON: {error}; restore the file") from None
    if not isinstance(content, dict):
        raise FileFormatError(f"{path}: holds a {type(content).__name__}, not a JSON object; restore the file")
    return content


@contextmanager
def _made_if_needed(folder: Path) -> Iterator[None]:
    """Make a folder and its missing parents; if the block fails, remove the new folders that are still empty."""
    missing: list[Path] = []
    try:
        missing += [path for path in (folder, *folder.parents) if not path.exists()]
        folder.mkdir(parents=True, exist_ok=True)
        yield
    except BaseException as error:
        for path in missing:
            with suppress(OSError):
                path.rmdir()
        if isinstance(error, OSError):
            raise FileFormatError(f"{folder}: {error.strerror}; give another folder") from None
        raise


def write_together(folder: Path, contents: Mapping[str, str]) -> None:
    """Write files to a folder, which is made if needed; the last file of the mapping is renamed first.

    All files are written under temporary names before any file is renamed to its own name. So if the disk is full,
    the old files stay as they were.

    Raises:
        FileFormatError: the folder cannot be made or written.
    """
    with _made_if_needed(folder), ExitStack() as stack:
        for name, content in contents.items():
            file = stack.enter_context(atomic_writer(folder / name))
            file.write(content.encode())
            file.flush()
            os.fsync(file.fileno())
