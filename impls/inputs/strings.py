"""Strings of the caller: each string of an iterator is a document."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from impls.errors import UsageError, shown
from impls.inputs import block
from impls.inputs.block import Loaded, load_joined

NAME = "strings"


def blocks(strings: Iterable[str]) -> Iterator[StringBlock]:
    """Yield the strings in blocks.

    Raises:
        UsageError: an item is not a string.
    """
    waiting: list[str] = []
    size = number = 0
    for number, text in enumerate(strings):
        if not isinstance(text, str):
            raise UsageError(f"{NAME}: number {number} is {shown(text)}, not a string; give an iterator of strings")
        waiting.append(text)
        size += len(text)
        if size >= block.BLOCK_BYTES:
            yield StringBlock(waiting, number + 1 - len(waiting), size)
            waiting, size = [], 0
    if waiting:
        yield StringBlock(waiting, number + 1 - len(waiting), size)


@dataclass(frozen=True)
class StringBlock:
    """Some strings. See `inputs.block.Block`.

    Attributes:
        texts: the strings.
        first: the number of the first string.
        n_bytes: number of characters.
    """

    texts: list[str]
    first: int
    n_bytes: int
    position: int = 0

    def load(self, special_tokens: Sequence[str], most: int | None = None) -> Loaded:
        """Encode the strings as UTF-8."""
        documents = [self._utf8(number) for number in range(len(self.texts[:most]))]
        return load_joined(
            NAME, lambda separator: separator.join(documents), len(documents), special_tokens, "strict"
        )

    def _utf8(self, number: int) -> bytes:
        try:
            return self.texts[number].encode()
        except UnicodeEncodeError as error:
            raise UsageError(
                f"{NAME}: number {self.first + number}: a lone surrogate at character {error.start} has no UTF-8 "
                "form; remove it"
            ) from None
