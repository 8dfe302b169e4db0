"""Formats of files of ids: each has a module and a row, and is written and read.

The module of a format has these functions:
- `disk_dtype(dtype)`: the type, little-endian, in which the file holds ids of type `dtype`.
- `header(n_ids, dtype)`: the bytes before the ids; their number does not depend on `n_ids`.
- `recognise(path, head)`: whether a file that begins with the bytes `head` is in this format.
- `layout(file, dtype)`: the `Layout` of a file that was recognised; `dtype` is the type of ids if the file does not
  tell it.
- `index(lengths, dtype)`: the content of the index, a second file; only for a format that has one.
"""

from __future__ import annotations

from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Any

from impls.errors import UsageError, shown


@dataclass(frozen=True)
class IdFormat:
    """A format.

    Attributes:
        name: the word that `--format` takes.
        what: who reads the format, in words.
        module: see the docstring of `impls.ids`.
        suffix: an output with this suffix gets this format; empty if the format must be asked for by name.
        index: the suffix of the second file; empty if there is none.
    """

    name: str
    what: str
    module: str
    suffix: str = ""
    index: str = ""

    def load(self) -> Any:
        """Import and return the module."""
        return import_module(self.module)


FORMATS = (
    IdFormat("bin", "bare ids, as nanoGPT reads them", "impls.ids.bare", ".bin"),
    IdFormat("npy", "one NumPy array", "impls.ids.npy", ".npy"),
    IdFormat("llmc", "a header of 256 int32, as llm.c reads it", "impls.ids.llmc"),
    IdFormat("megatron", "a .bin and a .idx, as Megatron-LM reads them", "impls.ids.megatron", ".idx", ".idx"),
)

NAMES = tuple(row.name for row in FORMATS)


def find(name: str) -> IdFormat:
    """Return one row.

    Raises:
        UsageError: there is no such format.
    """
    for row in FORMATS:
        if row.name == name:
            return row
    raise UsageError(f"format: unknown format {shown(name)}; choose one of {', '.join(NAMES)}")


def format_for(path: Path, name: str | None = None) -> IdFormat:
    """Return the format of an output: the format that `name` names, else the format of the suffix, else bare ids.

    Raises:
        UsageError: there is no such format.
    """
    if name is not None:
        return find(name)
    return next((row for row in FORMATS if row.suffix and path.suffix == row.suffix), FORMATS[0])
