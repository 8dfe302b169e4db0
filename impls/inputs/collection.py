"""All sources of one piece of work, read one after the other in blocks."""

from __future__ import annotations

import os
import warnings
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

from impls.arguments import Errors, check_count, check_errors
from impls.errors import FileFormatError, UsageError, shown
from impls.inputs import Kind, find_kind, known_kind, plain, strings
from impls.inputs.block import Block, Loaded, Reading
from impls.inputs.file import TextFile
from impls.inputs.find import find_places
from impls.inputs.memory_text import MemoryText
from impls.inputs.places import LocalFile, Place
from impls.patterns import check_special_tokens

Tell = Callable[[str], None]
"""Takes one line for the user, such as the name of a document that was left out."""


@dataclass(frozen=True)
class Step:
    """A block with its place among all blocks.

    Attributes:
        source: the number of its source; sources are numbered from 0.
        number: the number of the block in its source.
        block: the block.
        done: how many bytes of all sources, as they are stored, were read until the end of this block.
    """

    source: int
    number: int
    block: Block
    done: int


@dataclass(frozen=True)
class _Unread:
    """In place of the rest of a source that cannot be read."""

    fault: str
    position: int = 0
    n_bytes: int = 0

    def load(self, special_tokens: Sequence[str], most: int | None = None) -> Loaded:
        del most
        return Loaded(MemoryText.whole("", b""), special_tokens, n_documents=0, left_out=[self.fault])


@dataclass(frozen=True)
class _Ready:
    """A block that was loaded already."""

    loaded: Loaded
    position: int

    @property
    def n_bytes(self) -> int:
        return self.loaded.n_bytes

    def load(self, special_tokens: Sequence[str], most: int | None = None) -> Loaded:
        del special_tokens, most
        return self.loaded


@dataclass(frozen=True)
class Inputs:
    """Sources, and how they are read. `open_inputs` makes it.

    Attributes:
        places: where the sources are; empty if `strings` is given.
        kinds: the kind of each source.
        reading: how the sources are read.
        limit: only so many documents are read; None for all.
        strings: an iterator of strings in place of sources; it can be read once.
        boundary: text that is put between two documents; it is a text of its own, so no pretoken spans its ends.
        tell: called with one line for each document or file that was left out.
    """

    places: Sequence[Place]
    kinds: Sequence[Kind]
    reading: Reading
    limit: int | None = None
    strings: Iterable[str] | None = None
    boundary: str = ""
    tell: Tell = warnings.warn

    @property
    def name(self) -> str:
        """The name of the first source, and how many more there are."""
        first = self.places[0].name if self.places else strings.NAME
        return first if len(self.places) < 2 else f"{first} and {len(self.places) - 1} more"

    @property
    def n_bytes(self) -> int | None:
        """The size of all sources as they are stored; None if it is not known."""
        sizes = [place.n_bytes for place in self.places]
        return None if self.strings is not None or None in sizes else sum(size or 0 for size in sizes)

    @property
    def is_repeatable(self) -> bool:
        """Whether the sources can be read again, and it can be told whether they have changed."""
        return self.strings is None and all(place.state for place in self.places)

    def text_file(self) -> TextFile | None:
        """Return the only source as a text file that is read in ranges, if it is one plain text file."""
        if len(self.places) != 1 or self.limit is not None or self.kinds[0].name != "text" or self.reading.separator:
            return None
        return plain.text_file(self.places[0], self.reading)

    def no_text(self) -> FileFormatError:
        """Return the error for sources that hold no text at all."""
        what = "the file is empty" if self.n_bytes == 0 and len(self.places) == 1 else "no text was found"
        return FileFormatError(f"{self.name}: {what}; give a file that holds text")

    def check_unchanged(self) -> None:
        """Check, after reading, that no local file was changed since it was found.

        Raises:
            FileFormatError: a file was changed; text appended to a plain text file is ignored.
        """
        for place, kind in zip(self.places, self.kinds, strict=True):
            if place.path and kind.name != "text" and LocalFile.at(place.path).state != place.state:
                raise FileFormatError(f"{place.name}: was changed while it was read; read it again")

    def steps(
        self, pattern: str, special_tokens: Sequence[str], after: tuple[int, int] | None = None
    ) -> Iterator[Step]:
        """Yield the blocks of all sources.

        Args:
            pattern: the split pattern; a text that is one document is cut into blocks where no pretoken is cut.
            special_tokens: the special tokens, which are not cut either.
            after: source and number of a block; blocks up to this block are left out.

        Raises:
            FileFormatError: a source cannot be read, and none may be left out.
        """
        first, block = after or (0, -1)
        before = sum(place.n_bytes or 0 for place in self.places[:first])
        steps = self._steps(first, before, pattern, special_tokens)
        if self.limit is not None:
            steps = self._limited(steps, self.limit, special_tokens)
        return (step for step in steps if (step.source, step.number) > (first, block))

    def _steps(self, first: int, before: int, pattern: str, special_tokens: Sequence[str]) -> Iterator[Step]:
        if self.strings is not None:
            yield from (Step(0, number, block, 0) for number, block in enumerate(strings.blocks(self.strings)))
        for source in range(first, len(self.places)):
            number = -1
            try:
                for number, block in enumerate(self._blocks(source, pattern, special_tokens)):
                    yield Step(source, number, block, before + block.position)
            except FileFormatError as error:
                if not self.reading.skip:
                    raise
                yield Step(source, number + 1, _Unread(f"{error}"), before)
            before += self.places[source].n_bytes or 0

    def _blocks(self, source: int, pattern: str, special_tokens: Sequence[str]) -> Iterator[Block]:
        kind, reading = self.kinds[source], self.reading
        if kind.name == "text" and reading.separator:
            kind = find_kind("lines")
        elif kind.name == "lines":
            reading = replace(reading, separator="")
        blocks: Iterator[Block] = kind.load().blocks(self.places[source], reading, pattern, special_tokens)
        return blocks

    @staticmethod
    def _limited(steps: Iterator[Step], limit: int, special_tokens: Sequence[str]) -> Iterator[Step]:
        """Yield blocks until they hold `limit` documents; they are loaded here, since documents must be counted."""
        left = limit
        for step in steps:
            loaded = step.block.load(special_tokens, left)
            left -= loaded.n_documents
            yield replace(step, block=_Ready(loaded, step.block.position))
            if not left:
                return


def open_inputs(
    inputs: Any,
    *,
    kind: str = "",
    field: str = "text",
    separator: str = "",
    limit_documents: int | None = None,
    boundary: str = "",
    errors: Errors = "strict",
    on_error: str = "raise",
    tell: Tell = warnings.warn,
) -> Inputs:
    """Find the sources of a text.

    Args:
        inputs: a path, or a list of paths: files, folders, globs, URIs such as `s3://bucket/name`, or `-` for
            standard input. Files are text, `.jsonl` or `.parquet`, each of them plain or `.gz`, `.xz`, `.zst` or
            `.bz2`. Any other iterable gives strings, each of them a document. `Inputs` are returned as they are.
        kind: the kind of all sources, see `inputs.KINDS`; by default, the names of the files tell.
        field: the field of a JSON line, or the column of a Parquet file, that holds the text.
        separator: the text between two documents of a text file; by default, a text file is one document.
        limit_documents: read only so many documents, the first ones.
        boundary: text that is put between two documents, such as a special token; no pretoken spans its ends.
        errors: how invalid UTF-8 is treated: "strict" raises an error, "replace" reads it as U+FFFD.
        on_error: "raise", or "skip": documents and files that cannot be read are left out.
        tell: called with one line for each source that is named twice, and, later, for each document or file that
            is left out.

    Raises:
        UsageError: an argument is wrong.
        FileFormatError: a file is missing, a folder holds no text, or a glob has no match.
    """
    if isinstance(inputs, Inputs):
        return inputs
    for name, value in (("field", field), ("separator", separator), ("boundary", boundary)):
        if not isinstance(value, str):
            raise UsageError(f"{name}: {shown(value)} is not a string; give a string")
    for text in filter(None, (separator, boundary)):
        check_special_tokens([text])
    if on_error not in ("raise", "skip"):
        raise UsageError(f"on_error: unknown value {shown(on_error)}; give 'raise' or 'skip'")
    limit = None if limit_documents is None else check_count("limit_documents", limit_documents, 1)
    wanted = find_kind(kind) if kind else None
    reading = Reading(field, separator, check_errors(errors), on_error == "skip")
    named = _named(inputs)
    if named is None:
        return Inputs((), (), reading, limit, inputs, boundary, tell)
    places = find_places(named, tell)
    if not places:
        raise UsageError("inputs: the list is empty; give at least one file, or `-` for standard input")
    kinds = [wanted or known_kind(place.name) or find_kind("text") for place in places]
    return Inputs(tuple(places), tuple(kinds), reading, limit, None, boundary, tell)


def _named(inputs: object) -> Sequence[str | os.PathLike[str]] | None:
    """Return the paths that are given; None if strings are given in their place."""
    if isinstance(inputs, list | tuple):
        return inputs
    return None if isinstance(inputs, Iterable) and not isinstance(inputs, str | bytes | os.PathLike) else [inputs]  # type: ignore[list-item]
