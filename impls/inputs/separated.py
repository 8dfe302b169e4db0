"""Text files whose documents stand between separators, such as lines or `<|endoftext|>`."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from impls.inputs.block import Loaded, Reading
from impls.inputs.memory_text import MemoryText
from impls.inputs.pieces import Piece, separated_pieces
from impls.inputs.places import Place

LINE_END = "\n"


def blocks(place: Place, reading: Reading, pattern: str, special_tokens: Sequence[str]) -> Iterator[SeparatedBlock]:
    """Yield blocks of whole documents. See `inputs.block.Block`."""
    del pattern, special_tokens
    separator = (reading.separator or LINE_END).encode()
    for piece in separated_pieces(place, separator, f"separator {separator.decode()!r}"):
        yield SeparatedBlock(place.name, piece, separator, reading)


@dataclass(frozen=True)
class SeparatedBlock:
    """Some documents of a source, each but the last with a separator after it. See `inputs.block.Block`.

    Attributes:
        name: the name of the source.
        piece: the bytes of the documents and the separators.
        separator: what stands between two documents.
        reading: how the text is read.
    """

    name: str
    piece: Piece
    separator: bytes
    reading: Reading

    @property
    def position(self) -> int:
        """How many bytes of the source, as it is stored, were read until the end of this block."""
        return self.piece.position

    @property
    def n_bytes(self) -> int:
        """Number of bytes of the documents and the separators."""
        return self.piece.n_bytes

    def load(self, special_tokens: Sequence[str], most: int | None = None) -> Loaded:
        """Find the separators; they take the place of a separator of our own."""
        data = self.piece.data.removesuffix(self.separator)
        n_documents = data.count(self.separator) + 1
        if most is not None and most < n_documents:
            data, n_documents = self.separator.join(data.split(self.separator, most)[:most]), most
        text = MemoryText.whole(self.name, data, self.piece.start, self.reading.errors)
        separator = self.separator.decode()
        others = [token for token in special_tokens if token != separator]
        return Loaded(text, [*others, separator], self.separator, n_documents)
