"""A text in memory, such as the documents of a block, read in ranges as a file is."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from impls.arguments import Errors
from impls.cuts import SafeCuts
from impls.inputs.text import RANGE_BYTES, decode_utf8


@dataclass(frozen=True)
class MemoryText:
    """Bytes in memory, or a part of them. See `inputs.text.Text`.

    Attributes:
        name: the name of the source in errors.
        data: the bytes.
        base: offset of the first byte of `data` in the source.
        start: offset of the first byte of this part in the source.
        stop: offset after the last byte of this part in the source.
        errors: how invalid UTF-8 is treated.
    """

    name: str
    data: bytes
    base: int
    start: int
    stop: int
    errors: Errors = "strict"

    @classmethod
    def whole(cls, name: str, data: bytes, base: int = 0, errors: Errors = "strict") -> MemoryText:
        """Return all of `data`, which begins at byte `base` of its source, as a text."""
        return cls(name, data, base, base, base + len(data), errors)

    @property
    def n_bytes(self) -> int:
        """Number of bytes."""
        return self.stop - self.start

    def part(self, start: int, stop: int) -> MemoryText:
        """Return bytes [start, stop) as a text. See `Text.part`."""
        return replace(self, start=start, stop=stop)

    def read(self, start: int, stop: int) -> bytes:
        """Return bytes [start, stop)."""
        return self.data[start - self.base : stop - self.base]

    def read_into(self, start: int, target: memoryview) -> None:
        """Fill `target` with the bytes from `start` on."""
        first = start - self.base
        target[:] = memoryview(self.data)[first : first + len(target)]

    def check_unchanged(self) -> None:
        """Do nothing: memory of this process is not rewritten by others."""

    def text(self, start: int, stop: int) -> str:
        """Return bytes [start, stop) decoded. See `Text.text`."""
        return decode_utf8(self.read(start, stop), self.name, start, self.errors)

    def ranges(
        self, pattern: str, special_tokens: Sequence[str], range_bytes: int = RANGE_BYTES
    ) -> Iterator[tuple[int, int]]:
        """Yield ranges (start, stop) of about `range_bytes` bytes each that cover the text. See `Text.ranges`."""
        return SafeCuts(pattern, special_tokens).ranges(self.read, self.start, self.stop, range_bytes)
