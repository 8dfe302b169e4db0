"""Characters that are not ASCII in a block of 64 bytes: their classes as bit masks, so that the block rules hold.

Masks give the first byte of each character. A loop over the first bytes looks up one class per character, without a
branch on the class. Then every byte of a character gets the class of its first byte.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from impls.kernels.classes import CASELESS, LETTER, MARK, NUMBER, SPACE, UPPER
from impls.kernels.helpers import Int, inline
from impls.kernels.instructions import Utf8, classify_utf8, trailing_zeros, without_lowest

NONE, ONE, TWO, THREE, FOUR = np.uint64(0), np.uint64(1), np.uint64(2), np.uint64(3), np.uint64(4)


class Wide(NamedTuple):
    """Classes of the characters of a block that are not ASCII: one uint64 per class, with one bit per byte.

    Attributes:
        letters: letters and marks with the classes by case, else letters.
        uppers: upper-case letters; empty without the classes by case.
        caseless: letters without case, and marks; empty without the classes by case.
        marks: marks; empty without the classes by case.
        digits: numbers.
        spaces: whitespace.
        faults: bytes that are not part of a character that ends in the block.
    """

    letters: Any
    uppers: Any
    caseless: Any
    marks: Any
    digits: Any
    spaces: Any
    faults: Any


@inline
def whole_characters(text: Any, position: Int, wide: Any) -> tuple[Utf8, Any]:
    """Find the characters in a block whose bytes `wide` are not ASCII, and those of these bytes that are faults.

    Only the number of bytes of a character is checked. A character that does not end in the block is a fault.
    """
    two, three, four, following = classify_utf8(text, position)
    second, third = following >> ONE, following >> TWO
    two &= second
    three &= second & third
    four &= second & third & (following >> THREE)
    found = two | three | four
    whole = found | (found << ONE) | ((three | four) << TWO) | (four << THREE)
    return Utf8(two, three, four, following), wide & ~whole


@inline
def code_at(text: Any, position: Int, length: Int) -> Int:
    """Return the code point of a character of several bytes, all of which must be there."""
    code = np.int64(text[position]) & (0x7F >> length)
    for place in range(1, length):
        code = (code << 6) | (np.int64(text[position + place]) & 0x3F)
    return code


@inline
def is_no_character(code: Int, length: Int) -> bool:
    """Tell whether a code point fits into fewer bytes, is a surrogate, or is too large."""
    if length == 3:
        return bool(code < 0x800 or 0xD800 <= code < 0xE000)
    return bool(length == 4 and (code < 0x10000 or code > 0x10FFFF))


@inline
def look_up(text: Any, position: Int, firsts: Any, length: Int, classes: Any, wide: Wide) -> Wide:
    """Add the characters of `length` bytes to the classes of a block; only the bits `firsts` of first bytes are set."""
    letters, uppers, caseless, marks, digits, spaces, faults = wide
    while firsts:
        place = trailing_zeros(firsts)
        bit = ONE << np.uint64(place)
        firsts = without_lowest(firsts)
        code = code_at(text, position + place, length)
        page = np.int64(classes.pages[min(code >> 8, len(classes.pages) - 1)])
        kind = np.int64(classes.blocks[(page << 8) + (code & 255)])
        letters |= bit if kind >= LETTER else NONE
        uppers |= bit if kind == UPPER else NONE
        caseless |= bit if kind >= CASELESS else NONE
        marks |= bit if kind == MARK else NONE
        digits |= bit if kind == NUMBER else NONE
        spaces |= bit if kind == SPACE else NONE
        faults |= bit if is_no_character(code, length) else NONE
    return Wide(letters, uppers, caseless, marks, digits, spaces, faults)


@inline
def spread(firsts: Any, parts: Any) -> Any:
    """Set the bits of all bytes of the characters of several bytes whose first bytes are set."""
    more = parts.three | parts.four
    return (
        firsts | ((firsts & (parts.two | more)) << ONE) | ((firsts & more) << TWO) | ((firsts & parts.four) << THREE)
    )


@inline
def wide_classes(text: Any, position: Int, wide_bytes: Any, classes: Any) -> tuple[Wide, Utf8]:
    """Return the classes of the characters in a block whose bytes `wide_bytes` are not ASCII, and their first bytes.

    The block must begin with a character.
    """
    parts, faults = whole_characters(text, position, wide_bytes)
    wide = Wide(NONE, NONE, NONE, NONE, NONE, NONE, faults)
    wide = look_up(text, position, parts.two, 2, classes, wide)
    wide = look_up(text, position, parts.three, 3, classes, wide)
    wide = look_up(text, position, parts.four, 4, classes, wide)
    letters, uppers, caseless, marks, digits, spaces, faults = wide
    return Wide(
        spread(letters, parts),
        spread(uppers, parts),
        spread(caseless, parts),
        spread(marks, parts),
        spread(digits, parts),
        spread(spaces, parts),
        faults,
    ), parts


@inline
def first_of_last(lasts: Any, parts: Any) -> Any:
    """Return the bits of the first bytes of the characters whose last bytes are `lasts`; at most 3 bytes each."""
    return (lasts & ~parts.following) | ((lasts >> ONE) & parts.two) | ((lasts >> TWO) & parts.three)


@inline
def after_character(firsts: Any, parts: Any) -> Any:
    """Return the bits of the bytes after the characters whose first bytes are set."""
    two, three, four = firsts & parts.two, firsts & parts.three, firsts & parts.four
    return ((firsts ^ (two | three | four)) << ONE) | (two << TWO) | (three << THREE) | (four << FOUR)
