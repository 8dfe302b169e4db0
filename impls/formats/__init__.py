"""Formats of tokenizers, a module and a row each: read a file or folder to a `Definition`, or write one."""

from __future__ import annotations

from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Any

from impls.errors import FileFormatError, UsageError


@dataclass(frozen=True)
class Format:
    """A format.

    Attributes:
        name: as on a command line.
        what: the files it consists of, for people.
        module: has `recognise(path) -> bool` and `read(path) -> Definition` where it is read, and
            `write(path, definition)` where it is written.
        reads: whether it is read.
        writes: whether it is written.
    """

    name: str
    what: str
    module: str
    reads: bool = True
    writes: bool = True

    def load(self) -> Any:
        """Import and return the module."""
        return import_module(self.module)


FORMATS = (
    Format("mergelab", "a folder with mergelab.json, vocab.json and merges.txt", "impls.formats.mergelab"),
    Format("tokenizer.json", "the file that transformers reads", "impls.formats.tokenizer_json", reads=False),
)


def find_format(name: str) -> Format:
    """Return the format of that name.

    Raises:
        UsageError: there is none; the message lists the names.
    """
    for row in FORMATS:
        if row.name == name:
            return row
    known = ", ".join(row.name for row in FORMATS)
    raise UsageError(f"format: unknown format {name!r}; there are {known}")


def recognise(path: Path) -> Format:
    """Return the format of a file or folder.

    Raises:
        FileFormatError: nothing there, or nothing that is read here.
    """
    readable = [row for row in FORMATS if row.reads]
    for row in readable:
        if row.load().recognise(path):
            return row
    reason = "is no tokenizer" if path.exists() else "No such file or directory"
    raise FileFormatError(f"{path}: {reason}; give {', or '.join(row.what for row in readable)}")
