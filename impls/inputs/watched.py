"""A text file that tells how much of it was read."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, fields

from impls.inputs.file import TextFile


@dataclass(frozen=True)
class WatchedFile(TextFile):
    """A text file that calls `on_read` with the number of bytes of each range that is read.

    It cannot be sent to another process.
    """

    on_read: Callable[[int], None] = field(default=lambda _: None, compare=False)

    @classmethod
    def of(cls, text: TextFile, on_read: Callable[[int], None]) -> WatchedFile:
        """Watch a text file."""
        return cls(**{each.name: getattr(text, each.name) for each in fields(text)}, on_read=on_read)

    def read_into(self, start: int, target: memoryview) -> None:
        """Fill `target` with the bytes from `start` on. See `Text.read_into`."""
        super().read_into(start, target)
        self.on_read(len(target))

    def text(self, start: int, stop: int) -> str:
        """Return bytes [start, stop) decoded. See `Text.text`."""
        decoded = super().text(start, stop)
        self.on_read(stop - start)
        return decoded
