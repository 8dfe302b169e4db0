"""Inputs: where text comes from. A `Text` is bytes that can be read in ranges; a source is read in blocks.

Each kind of source is a module and a row of the table. The module has a function
`blocks(place, reading, pattern, special_tokens)` that yields the blocks of one source, see `inputs.block.Block`.
"""

from __future__ import annotations

from dataclasses import dataclass
from importlib import import_module
from typing import Any

from impls.errors import UsageError, shown


@dataclass(frozen=True)
class Kind:
    """A kind of source.

    Attributes:
        name: the word by which a user chooses the kind; no two kinds have the same name.
        what: what a source of this kind is, in words.
        suffixes: the ends of the file names that mean this kind; no two kinds share one.
        module: the module with `blocks`.
    """

    name: str
    what: str
    suffixes: tuple[str, ...]
    module: str

    def load(self) -> Any:
        """Import and return the module."""
        return import_module(self.module)


KINDS = (
    Kind("text", "UTF-8 text; a file is one document", (".txt", ".text"), "impls.inputs.plain"),
    Kind("lines", "UTF-8 text; a line is a document", (), "impls.inputs.separated"),
    Kind(
        "jsonl",
        "JSON lines; one field holds a document",
        (".jsonl", ".ndjson", ".json"),
        "impls.inputs.json_lines",
    ),
    Kind("parquet", "Parquet; each row of a column is a document", (".parquet",), "impls.inputs.parquet"),
)

COMPRESSIONS = (".gz", ".xz", ".zst", ".bz2")
"""The ends of the names of compressed files, see `inputs.compressed`."""


def compression_of(name: str) -> str:
    """Return the suffix that tells how a file is compressed; empty if the file is not compressed."""
    return next((suffix for suffix in COMPRESSIONS if name.lower().endswith(suffix)), "")


def known_kind(name: str) -> Kind | None:
    """Return the kind that a file name means, compressed or not; None if the name means no kind."""
    plain = name.lower().removesuffix(compression_of(name))
    return next((kind for kind in KINDS if plain.endswith(kind.suffixes)), None)


def find_kind(name: str) -> Kind:
    """Return a row.

    Raises:
        UsageError: no such kind; the message lists the names.
    """
    for kind in KINDS:
        if isinstance(name, str) and kind.name == name:
            return kind
    known = ", ".join(kind.name for kind in KINDS)
    raise UsageError(f"kind: unknown kind of input {shown(name)}; choose one of {known}")
