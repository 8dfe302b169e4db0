"""What `\\s`, `\\p{L}`, `\\p{N}` and the like mean: a table built from the `regex` package, so that both agree.

The table has two stages: each of the 4,352 pages of 256 code points refers to a block of classes. Many pages share a
block, so there are only about 200 blocks.
"""

from __future__ import annotations

import hashlib
from contextlib import suppress
from functools import cache
from typing import NamedTuple

import numpy as np
import regex
from numpy.typing import NDArray

from impls.cache import code_folder
from impls.storage import read_private, write_private

OTHER, SPACE, NUMBER, LETTER, UPPER, LOWER, CASELESS, MARK = range(8)

_BY_CASE = {UPPER: r"[\p{Lu}\p{Lt}]+", LOWER: r"\p{Ll}+", CASELESS: r"[\p{Lm}\p{Lo}]+", MARK: r"\p{M}+"}
_EXPRESSIONS = {SPACE: r"\s+", NUMBER: r"\p{N}+", LETTER: r"\p{L}+"}
N_PAGES = 0x1100

_SURROGATES = range(0xD800, 0xE000)


class Classes(NamedTuple):
    """The class of code point c is `blocks[pages[c >> 8] * 256 + (c & 255)]`.

    Block 0 is the block of page 0, so the class of an ASCII character is `blocks[c]`.

    Attributes:
        pages: uint16[4352], the number of the block of classes for each page of 256 code points.
        blocks: uint8[256 * number of blocks], the classes of 256 code points for each block.
    """

    pages: NDArray[np.uint16]
    blocks: NDArray[np.uint8]


def build_classes(by_case: bool = False) -> Classes:
    """Build the table from what `regex` says about every code point.

    With `by_case`, the classes UPPER, LOWER, CASELESS and MARK take the place of LETTER.
    """
    table = np.full(0x110000, OTHER, np.uint8)
    characters = "".join(chr(code) if code not in _SURROGATES else "\0" for code in range(len(table)))
    for number, expression in (_EXPRESSIONS | _BY_CASE if by_case else _EXPRESSIONS).items():
        for match in regex.finditer(expression, characters):
            table[match.start() : match.end()] = number
    rows, first, inverse = np.unique(table.reshape(-1, 256), axis=0, return_index=True, return_inverse=True)
    order = np.argsort(first)  # In order of appearance, so that page 0 is block 0.
    position = np.empty(len(order), np.uint16)
    position[order] = np.arange(len(order), dtype=np.uint16)
    return Classes(position[inverse.ravel()], np.ascontiguousarray(rows[order]).ravel())


def pack(classes: Classes) -> bytes:
    """Return the table as bytes: the sha256 of pages and blocks, then pages, then blocks."""
    content = classes.pages.astype("<u2").tobytes() + classes.blocks.tobytes()
    return hashlib.sha256(content).digest() + content


def unpack(stored: bytes) -> Classes:
    """Return the table that `pack` wrote.

    Raises:
        ValueError: the bytes are damaged; a compiled scan must never see such a table.
    """
    digest, content = stored[:32], stored[32:]
    if hashlib.sha256(content).digest() != digest:
        raise ValueError("damaged table of classes")
    pages = np.frombuffer(content[: 2 * N_PAGES], "<u2").astype(np.uint16)
    return Classes(pages, np.frombuffer(content[2 * N_PAGES :], np.uint8))


@cache
def load_classes(by_case: bool = False) -> Classes:
    """Return the table for this version of `regex`, from the cache folder if it is there. See `build_classes`."""
    folder = code_folder()
    path = folder / f"classes-{'by-case-' if by_case else ''}{regex.__version__}.bin" if folder else None
    if path:
        with suppress(OSError, ValueError):
            return unpack(read_private(path))
    classes = build_classes(by_case)
    if path:
        with suppress(OSError):  # The table is built again next time.
            write_private(path, pack(classes))
    return classes
