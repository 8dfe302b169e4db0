"""Characters that are not ASCII in a block of 64 bytes: their classes as bit masks, so that the block rules hold.

Masks give the first byte of each character. A loop over the first bytes looks up one class per character, and puts
the three bits of its number into three words, without a branch on the class. Then every byte of a character gets the
class of its first byte.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from impls.kernels.helpers import Int, inline
from impls.kernels.instructions import Utf8, classify_utf8, trailing_zeros, without_lowest

ONE, TWO, THREE, FOUR = np.uint64(1), np.uint64(2), np.uint64(3), np.uint64(4)


class Wide(NamedTuple):
    """Classes of the characters of a block that are not ASCII: one uint64 per class, with one bit per byte.

    Attributes:
        letters: letters; with the classes by case, marks too.
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

    A character that does not end in the block is a fault. Code points of four bytes are not checked.
    """
    two, three, four, following, low, first_three, surrogates = classify_utf8(text, position)
    second, third = following >> ONE, following >> TWO
    two &= second
    three &= second & third & ~((first_three & (low >> ONE)) | (surrogates & ~(low >> ONE)))
    four &= second & third & (following >> THREE)
    found = two | three | four
    whole = found | (found << ONE) | ((three | four) << TWO) | (four << THREE)
    return Utf8(two, three, four, following, low, first_three, surrogates), wide & ~whole


@inline
def code_at(text: Any, position: Int, length: Int) -> Int:
    """Return the code point of a character of several bytes, all of which must be there."""
    code = np.int64(text[position]) & (0x7F >> length)
    for place in range(1, length):
        code = (code << 6) | (np.int64(text[position + place]) & 0x3F)
    return code


@inline
def look_up(
    text: Any, position: Int, firsts: Any, length: Int, classes: Any, planes: Any
) -> tuple[Any, Any, Any, Any]:
    """Add the classes of the characters of `length` bytes to `planes`; `firsts` are the bits of their first bytes.

    Plane i has bit i of the number of the class, at the first byte of each character. The fourth plane has the first
    bytes of code points that no character of four bytes has.
    """
    first, second, third, faults = planes
    while firsts:
        place = np.uint64(trailing_zeros(firsts))
        firsts = without_lowest(firsts)
        code = code_at(text, position + np.int64(place), length)
        if length == 4 and (code < 0x10000 or code > 0x10FFFF):
            faults |= ONE << place
            code = 0
        kind = np.uint64(classes.blocks[(np.int64(classes.pages[code >> 8]) << 8) + (code & 255)])
        first |= (kind & ONE) << place
        second |= ((kind >> ONE) & ONE) << place
        third |= (kind >> TWO) << place
    return first, second, third, faults


@inline
def spread(firsts: Any, parts: Any) -> Any:
    """Set the bits of all bytes of the characters of several bytes whose first bytes are set."""
    more = parts.three | parts.four
    once = firsts | ((firsts & (parts.two | more)) << ONE)
    return once | ((firsts & more) << TWO) | ((firsts & parts.four) << THREE)


@inline
def wide_classes(text: Any, position: Int, wide: Any, classes: Any) -> tuple[Wide, Utf8]:
    """Return the classes of the characters in a block whose bytes `wide` are not ASCII, and their first bytes.

    The block must begin with a character.
    """
    parts, faults = whole_characters(text, position, wide)
    planes = (np.uint64(0), np.uint64(0), np.uint64(0), faults)
    planes = look_up(text, position, parts.two, 2, classes, planes)
    planes = look_up(text, position, parts.three, 3, classes, planes)
    first, second, third, faults = look_up(text, position, parts.four, 4, classes, planes)
    caseless = third & second
    classified = Wide(
        letters=spread(third | (second & first), parts),
        uppers=spread(third & ~(second | first), parts),
        caseless=spread(caseless, parts),
        marks=spread(caseless & first, parts),
        digits=spread(second & ~(third | first), parts),
        spaces=spread(first & ~(third | second), parts),
        faults=faults,
    )
    return classified, parts


@inline
def first_of_last(lasts: Any, parts: Any) -> Any:
    """Return the bits of the first bytes of the characters whose last bytes are `lasts`; at most 3 bytes each."""
    return (lasts & ~parts.following) | ((lasts >> ONE) & parts.two) | ((lasts >> TWO) & parts.three)


@inline
def after_character(firsts: Any, parts: Any) -> Any:
    """Return the bits of the bytes after the characters whose first bytes are set."""
    two, three, four = firsts & parts.two, firsts & parts.three, firsts & parts.four
    return ((firsts ^ (two | three | four)) << ONE) | (two << TWO) | (three << THREE) | (four << FOUR)
