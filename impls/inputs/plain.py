"""Text files, each one document: a file of this machine is read in ranges, any other source as a stream."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from impls.cuts import SafeCuts
from impls.errors import UsageError
from impls.inputs import block, compression_of
from impls.inputs.block import Loaded, Reading
from impls.inputs.compressed import opened
from impls.inputs.file import TextFile
from impls.inputs.memory_text import MemoryText
from impls.inputs.pieces import at_safe_cuts, pieces
from impls.inputs.places import Place
from impls.inputs.text import Text


def text_file(place: Place, reading: Reading) -> TextFile | None:
    """Return a source as a text file that can be read in ranges; None if it has to be read as a stream."""
    if place.path is None or compression_of(place.name):
        return None
    return TextFile.open(place.path, reading.errors)


def blocks(place: Place, reading: Reading, pattern: str, special_tokens: Sequence[str]) -> Iterator[PlainBlock]:
    """Yield blocks of a text, cut where a cut changes no pretoken. See `inputs.block.Block`."""
    if place.n_bytes == 0:
        return
    file = text_file(place, reading)
    yield from (
        _of_file(file, pattern, special_tokens) if file else _of_stream(place, reading, pattern, special_tokens)
    )


def _of_file(file: TextFile, pattern: str, special_tokens: Sequence[str]) -> Iterator[PlainBlock]:
    for start, stop in file.ranges(pattern, special_tokens, block.BLOCK_BYTES):
        yield PlainBlock(file.part(start, stop), stop, start == file.start)
    file.check_unchanged()


def _of_stream(place: Place, reading: Reading, pattern: str, special_tokens: Sequence[str]) -> Iterator[PlainBlock]:
    cut = at_safe_cuts(SafeCuts(pattern, special_tokens))
    with opened(place) as stream:
        for piece in pieces(stream, cut, "place to cut, such as a space"):
            text = MemoryText.whole(place.name, piece.data, piece.start, reading.errors)
            yield PlainBlock(text, piece.position, piece.start == 0)


@dataclass(frozen=True)
class PlainBlock:
    """A part of a text, or all of it. See `inputs.block.Block`.

    Attributes:
        text: the part.
        position: how many bytes of the source, as it is stored, were read until the end of this block.
        first: whether the document begins in this block.
    """

    text: Text
    position: int
    first: bool

    @property
    def n_bytes(self) -> int:
        """Number of bytes of text."""
        return self.text.n_bytes

    def load(self, special_tokens: Sequence[str], most: int | None = None) -> Loaded:
        """Return the part; it is read when it is counted."""
        if most is not None:
            raise UsageError(
                f"{self.text.name}: a limit of documents needs documents: give --separator TEXT (separator=), or "
                "--kind lines if each line is a document"
            )
        return Loaded(self.text, special_tokens, n_documents=int(self.first))
