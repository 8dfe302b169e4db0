"""The protocol of an input: a text of bytes, read in ranges; each range can be counted or encoded by itself.

Text is bytes: line ends are not translated. Invalid UTF-8 is an error that names the byte offset, or is read as
U+FFFD on request.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Protocol, TypeVar

from impls.arguments import Errors
from impls.errors import InvalidUtf8Error

RANGE_BYTES = 1 << 20
"""Bytes that one step reads: enough to make the fixed cost of a step unimportant, but little of a machine's
memory."""

AnyText = TypeVar("AnyText", bound="Text")


class Text(Protocol):
    """A text, or a part of one: bytes `start` to `stop` of its source.

    Positions are byte offsets in the source, not in the part, so errors name positions that a user can look up.
    """

    @property
    def name(self) -> str:
        """The name of the source in errors, such as the path of a file."""

    @property
    def start(self) -> int:
        """Offset of the first byte."""

    @property
    def stop(self) -> int:
        """Offset after the last byte."""

    @property
    def errors(self) -> Errors:
        """How invalid UTF-8 is treated: "strict" raises an error, "replace" gives U+FFFD."""

    @property
    def n_bytes(self) -> int:
        """Number of bytes, `stop - start`."""

    def read(self, start: int, stop: int) -> bytes:
        """Return bytes [start, stop).

        Raises:
            FileFormatError: the source cannot be read, or has changed since it was opened.
        """

    def read_into(self, start: int, target: memoryview) -> None:
        """Fill `target` with the bytes from `start` on.

        A caller can use one buffer again, which saves page faults. See `read`.
        """

    def text(self, start: int, stop: int) -> str:
        """Return bytes [start, stop) decoded.

        Raises:
            InvalidUtf8Error: the bytes are not UTF-8 and `errors` is "strict".
        """

    def check_unchanged(self) -> None:
        """Check, after reading, that the source was not rewritten since it was opened.

        Raises:
            FileFormatError: the source was rewritten.
        """

    def part(self: AnyText, start: int, stop: int) -> AnyText:
        """Return bytes [start, stop) as a text.

        The counts of parts cut by `ranges` add up to the counts of the whole text.
        """

    def ranges(
        self, pattern: str, special_tokens: Sequence[str], range_bytes: int = RANGE_BYTES
    ) -> Iterator[tuple[int, int]]:
        """Yield ranges (start, stop) of about `range_bytes` bytes each that cover the text, cut at safe places."""


def decode_utf8(data: bytes, source: str, offset: int = 0, errors: str = "strict") -> str:
    """Decode `data`, which begins at byte `offset` of `source`.

    Raises:
        InvalidUtf8Error: `data` is not UTF-8 and `errors` is "strict"; the message has the offset in `source`.
    """
    try:
        return data.decode("utf-8", errors)
    except UnicodeDecodeError as error:
        raise InvalidUtf8Error(source, offset + error.start) from None
