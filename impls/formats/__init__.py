"""Formats of tokenizers.

Each has a module and a row, and reads a `Definition` from files, writes it to files, or both.
"""

from __future__ import annotations

from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Any

from impls.errors import FileFormatError, UsageError, shown


@dataclass(frozen=True)
class Format:
    """A format.

    Attributes:
        name: the word by which people know the format; no two formats have the same name.
        what: the files of the format, in words.
        module: the module with `recognise(path) -> bool` and `read(path) -> Definition`, if the format is read, and
            with `write(path, definition)` and `contents(definition)`, a dict: name of a file -> its content, if it is
            written.
        reads: whether the format is read.
        writes: whether the format is written.
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
    Format("tokenizer.json", "a tokenizer.json", "impls.formats.tokenizer_json"),
    Format("tiktoken", "a rank file of tiktoken", "impls.formats.tiktoken"),
    Format("gpt2", "GPT-2's vocab.json beside merges.txt", "impls.formats.gpt2"),
    Format("simple-bpe", "a .model file that begins with simple-bpe v1", "impls.formats.simple_bpe", writes=False),
)


def find(name: str) -> Format:
    """Return the format with a name.

    Raises:
        UsageError: there is no such format that is written.
    """
    known = {row.name: row for row in FORMATS if row.writes}
    if name not in known:
        raise UsageError(f"format: unknown name {shown(name)}; choose one of {', '.join(known)}")
    return known[name]


def recognise(path: Path) -> Format:
    """Return the format of a file or folder.

    Raises:
        FileFormatError: there is no such path, or none of the formats that we read fits it.
    """
    readable = [row for row in FORMATS if row.reads]
    for row in readable:
        if row.load().recognise(path):
            return row
    try:
        reason = "is not a tokenizer" if path.exists() else "No such file or directory"
    except OSError as error:  # A name that is too long.
        reason = str(error.strerror)
    raise FileFormatError(f"{path}: {reason}; give {', or '.join(row.what for row in readable)}")
