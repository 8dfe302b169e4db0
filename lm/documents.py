"""The documents that models are scored on: the same bytes for every tokenizer, one document after the other."""

from __future__ import annotations

import json
import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from impls.errors import FileFormatError
from impls.inputs.documents import contains, separated
from impls.inputs.file import TextFile

SEPARATOR = "<|endoftext|>"
"""Ends a document where no config names another separator."""

PIECE_BYTES = 4096
"""A text without separators is cut after the first line end behind so many bytes."""

NAMED = 5
"""How many broken lines a note names."""


@dataclass(frozen=True)
class Document:
    """A text that is scored by itself.

    Attributes:
        number: the place in the file, from 0; broken documents count.
        text: the text.
        before: text before the document; the model sees it and does not predict it.
        after: text after the document, which the model predicts too; it does not count as bytes of the document.
    """

    number: int
    text: str
    before: str
    after: str

    @property
    def n_bytes(self) -> int:
        """Bytes of the text."""
        return len(self.text.encode())


class Broken:
    """Collects the places of a file that hold nothing that can be used, and tells of them once."""

    def __init__(self, path: Path, kind: str) -> None:
        """Start without a place; `kind` says what a place should have been, such as "a document"."""
        self._path, self._kind, self._places = path, kind, list[int]()

    def add(self, place: int) -> None:
        """Note a place, from 1."""
        self._places.append(place)

    def tell(self) -> None:
        """Warn once, if there are any; the message names the first places."""
        if not self._places:
            return
        named = ", ".join(map(str, self._places[:NAMED])) + (", ..." if len(self._places) > NAMED else "")
        warnings.warn(
            f"{self._path}: line {named}: is not {self._kind}; the other lines are scored, {len(self._places)} left "
            "out: repair or remove them",
            stacklevel=2,
        )


def read_documents(path: Path, separator: str = SEPARATOR, field: str = "text") -> Iterator[Document]:
    """Yield the documents of a text, or of the lines of a `.jsonl` file.

    Of a text without separators, pieces of at least `PIECE_BYTES` bytes that end with a line are yielded. Lines of a
    `.jsonl` file that hold no document are left out with a warning that names them.

    Args:
        path: the file.
        separator: stands after each document of a text.
        field: the field of a line that holds the text.

    Raises:
        FileFormatError: the file is missing, empty or not UTF-8, or holds no document.
    """
    empty = True
    for document in _read(path, separator, field):
        empty = False
        yield document
    if empty:
        raise FileFormatError(f"{path}: holds no document to score; give a text")


def _read(path: Path, separator: str, field: str) -> Iterator[Document]:
    TextFile.open(path)
    if path.suffix == ".jsonl":
        texts = _lines(path, field)
    elif contains(path, separator.encode()):
        # A line end after a separator is layout, not text.
        texts = _decoded(path, (part.removeprefix(b"\n") for part in separated(path, separator.encode())))
    else:
        pieces = _decoded(path, _pieces(path))
        yield from (Document(number, text, "\n", "") for number, text in pieces)
        return
    yield from (Document(number, text, separator, separator) for number, text in texts if text)


def _decoded(path: Path, parts: Iterator[bytes]) -> Iterator[tuple[int, str]]:
    for number, part in enumerate(parts):
        try:
            yield number, part.decode()
        except UnicodeDecodeError as error:
            raise FileFormatError(
                f"{path}: document {number + 1}: invalid UTF-8 at its byte {error.start}; repair the text"
            ) from None


def _lines(path: Path, field: str) -> Iterator[tuple[int, str]]:
    broken = Broken(path, f"a JSON object with a string in the field {field!r}")
    with path.open("rb") as file:
        for number, line in enumerate(file):
            try:
                text = json.loads(line)[field]
                text.encode()
            except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
                broken.add(number + 1)
            else:
                yield number, text
    broken.tell()


def _pieces(path: Path) -> Iterator[bytes]:
    with path.open("rb") as file:
        while piece := file.read(PIECE_BYTES):
            yield piece + file.readline()


def first_documents(documents: Iterator[Document], n_bytes: int | None) -> Iterator[Document]:
    """Yield whole documents until they have `n_bytes` bytes together; all documents by default."""
    taken = 0
    for document in documents:
        yield document
        taken += document.n_bytes
        if n_bytes is not None and taken >= n_bytes:
            return
