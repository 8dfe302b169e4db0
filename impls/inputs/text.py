"""The protocol of an input: a text of bytes, read by ranges, each of which can be counted or encoded by itself.

Text is bytes: no newline translation, and invalid UTF-8 is an error that names the byte offset, or U+FFFD on request.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Protocol, TypeVar

from impls.arguments import Errors
from impls.errors import InvalidUtf8Error

RANGE_BYTES = 1 << 20
"""How much of a text one step reads: enough to hide the cost of a step, little beside a machine's memory."""

AnyText = TypeVar("AnyText", bound="Text")


class Text(Protocol):
    """A text, or a part of one: bytes `start` to `stop` of its source.

    Places are byte offsets in the source, so that an error in a part names the place that a person finds there.
    """

    @property
    def name(self) -> str:
        """What errors call the source: the path of a file."""

    @property
    def start(self) -> int:
        """The first byte."""

    @property
    def stop(self) -> int:
        """The byte after the last one."""

    @property
    def errors(self) -> Errors:
        """What invalid UTF-8 gets: "strict", an error; "replace", U+FFFD."""

    @property
    def n_bytes(self) -> int:
        """`stop - start`."""

    def read(self, start: int, stop: int) -> bytes:
        """Return bytes [start, stop).

        Raises:
            FileFormatError: the source cannot be read, or has changed since it was opened.
        """

    def read_into(self, start: int, target: memoryview) -> None:
        """Fill `target` with the bytes from `start` on. See `read`."""

    def text(self, start: int, stop: int) -> str:
        """Return bytes [start, stop) decoded.

        Raises:
            InvalidUtf8Error: they are not UTF-8 and `errors` is "strict".
        """

    def check_unchanged(self) -> None:
        """Check, after reading, that the source was not rewritten meanwhile.

        Raises:
            FileFormatError: it was.
        """

    def part(self: AnyText, start: int, stop: int) -> AnyText:
        """Return bytes [start, stop) as a text. Cut where `ranges` cuts, parts are counted as the whole is."""

    def ranges(
        self, pattern: str, special_tokens: Sequence[str], range_bytes: int = RANGE_BYTES
    ) -> Iterator[tuple[int, int]]:
        """Yield ranges of about `range_bytes` that cover the text and can be counted or encoded apart."""


def decode_utf8(data: bytes, source: str, offset: int = 0, errors: str = "strict") -> str:
    """Decode `data`, which begins at byte `offset` of `source`.

    Raises:
        InvalidUtf8Error: with `errors` "strict", naming the offset in `source`.
    """
    try:
        return data.decode("utf-8", errors)
    except UnicodeDecodeError as error:
        raise InvalidUtf8Error(source, offset + error.start) from None
