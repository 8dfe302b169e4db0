"""Blocks: a source is read in blocks of several MB, and one thread can load and count a block by itself.

The documents of a block are joined to one text, so compiled code takes them without a Python object per document. A
separator stands between two documents. The separator is passed to the counter as one more special token. Special
tokens are cut out of a text and never counted, so no pretoken spans two documents.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from itertools import chain
from typing import NoReturn, Protocol

from impls.arguments import Errors
from impls.inputs.memory_text import MemoryText
from impls.inputs.text import Text

BLOCK_BYTES = 1 << 22
"""How many bytes of a source make a block; a block with a longer document is larger."""

MAX_DOCUMENT_BYTES = 1 << 29
"""The most bytes of a line, or of a text without a place to cut; junk must not fill the memory."""


@dataclass(frozen=True)
class Reading:
    """How sources are read.

    Attributes:
        field: the field of a JSON line or the column of a Parquet file that holds the text.
        separator: the text between two documents of a text file; if empty, a text file is one document.
        errors: how invalid UTF-8 is treated: "strict" raises an error, "replace" gives U+FFFD.
        skip: whether documents that cannot be read are left out; otherwise they are an error.
    """

    field: str = "text"
    separator: str = ""
    errors: Errors = "strict"
    skip: bool = False


@dataclass(frozen=True)
class Loaded:
    """The documents of a block.

    Attributes:
        text: the documents, joined; or a part of a document.
        special_tokens: what the counter must cut out of the text: the caller's special tokens, and the separator.
        separator: what stands between two documents in `text`; if empty, there is only one document.
        n_documents: how many documents begin in this block.
        left_out: what was left out, one line per document or file.
        explain: called after the text proved not to be UTF-8; it raises an error that names the document.
    """

    text: Text
    special_tokens: Sequence[str]
    separator: bytes = b""
    n_documents: int = 1
    left_out: Sequence[str] = ()
    explain: Callable[[], NoReturn] | None = field(default=None, compare=False)

    @property
    def n_bytes(self) -> int:
        """Number of bytes of text, separators between documents left out."""
        return self.text.n_bytes - len(self.separator) * max(self.n_documents - 1, 0)

    def documents(self) -> list[bytes]:
        """Return the documents, or the part of a document, as bytes."""
        data = self.text.read(self.text.start, self.text.stop)
        return data.split(self.separator)[: self.n_documents] if self.separator else [data]


class Block(Protocol):
    """Documents of a source, or a part of one document.

    Blocks of one source come in the order of the source. The same source, read twice, gives the same blocks.
    """

    @property
    def position(self) -> int:
        """How many bytes of the source were read until the end of this block; 0 if that is not known."""

    @property
    def n_bytes(self) -> int:
        """The approximate number of bytes of text."""

    def load(self, special_tokens: Sequence[str], most: int | None = None) -> Loaded:
        """Return the documents, or the first `most` of them; several threads may load several blocks at once.

        Raises:
            FileFormatError: a document cannot be read, and none may be left out.
        """


def load_joined(
    name: str,
    join: Callable[[bytes], bytes],
    n_documents: int,
    special_tokens: Sequence[str],
    errors: Errors,
    left_out: Sequence[str] = (),
    explain: Callable[[], NoReturn] | None = None,
) -> Loaded:
    """Join documents with a separator that no document holds.

    A special token of the caller is the best separator: if all special tokens begin with the same byte, compiled code
    finds them faster.

    Args:
        name: the name of the source in errors.
        join: returns the documents with the given separator between them.
        n_documents: how many documents are joined.
        special_tokens: the special tokens of the caller.
        errors: how invalid UTF-8 is treated.
        left_out: see `Loaded`.
        explain: see `Loaded`.
    """
    for token in special_tokens:
        if _stands_apart(token, special_tokens):
            text = MemoryText.whole(name, join(token.encode()), 0, errors)
            return Loaded(text, special_tokens, token.encode(), n_documents, left_out, explain)
    first = unused_character(special_tokens)
    separator = first
    while (data := join(separator.encode())).count(separator.encode()) != max(n_documents - 1, 0):
        separator = first + secrets.token_hex(8)
    text = MemoryText.whole(name, data, 0, errors)
    return Loaded(text, [*special_tokens, separator], separator.encode(), n_documents, left_out, explain)


def unused_character(special_tokens: Iterable[str]) -> str:
    """Return a character that is in no special token.

    A separator that begins with this character, and has it at no other place, cannot overlap a special token or
    another separator: no text before it completes a special token inside it.
    """
    used = set(chain.from_iterable(special_tokens))
    return next(chr(code) for code in chain(range(0x1E, 0, -1), range(0xE000, 0xF8FF)) if chr(code) not in used)


def _stands_apart(separator: str, special_tokens: Sequence[str]) -> bool:
    """Tell whether no special token that begins before or at a separator can reach into it, or over its end."""
    return not any(
        (separator in token and token != separator)
        or any(token.endswith(separator[:length]) for length in range(1, min(len(separator), len(token))))
        for token in special_tokens
    )
