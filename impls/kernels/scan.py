"""Where pretokens end: a split pattern as a scan over classes of characters, 64 bytes at a time.

The result equals the result of `regex` on every valid text. No pattern looks at the text before a pretoken, so a scan
may begin at the start of any pretoken. Each pattern has two functions. The first function reads any text character by
character. The second function finds the starts of pretokens in 64 bytes with bit masks. `scanner`
combines the two functions.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from impls.kernels.classes import SPACE
from impls.kernels.helpers import Int, inline
from impls.kernels.instructions import classify_block, count_ones, leading_zeros, trailing_zeros, without_lowest
from impls.kernels.scan_wide import first_of_last, wide_classes

ONE, ALL = np.uint64(1), np.uint64(0xFFFFFFFFFFFFFFFF)

MIN_ENDS = 72
"""Entries that a scan needs: the ends of the pretokens in a block of 64 bytes, and the entries that `write_places`
adds."""

INVALID = 255
"""Class of bytes that are not UTF-8."""


@inline
def wide_class(text: Any, position: Int, end: Int, classes: Any) -> tuple[Int, Int]:
    """Return (class, bytes) of the non-ASCII character at `position`, or (INVALID, 1) if it is not UTF-8."""
    lead = np.int64(text[position])
    if lead < 0xC2 or lead > 0xF4:
        return INVALID, 1
    length = 2 if lead < 0xE0 else 3 if lead < 0xF0 else 4
    if position + length > end:
        return INVALID, 1
    code = lead & (0x7F >> length)
    for place in range(1, length):
        byte = np.int64(text[position + place])
        if byte & 0xC0 != 0x80:
            return INVALID, 1
        code = (code << 6) | (byte & 0x3F)
    if (length == 3 and (code < 0x800 or 0xD800 <= code < 0xE000)) or (
        length == 4 and (code < 0x10000 or code > 0x10FFFF)
    ):
        return INVALID, 1
    return np.int64(classes.blocks[(np.int64(classes.pages[code >> 8]) << 8) + (code & 255)]), length


@inline
def class_at(text: Any, position: Int, end: Int, classes: Any) -> tuple[Int, Int]:
    """Return (class, length in bytes) of the character at `position`, or (INVALID, 1) if it is not UTF-8."""
    byte = text[position]
    if byte < 0x80:
        return np.int64(classes.blocks[byte]), 1
    return wide_class(text, position, end, classes)


@inline
def write_places(bits: Any, base: Int, ends: Any, n: Int) -> None:
    """Write `base` + index of each set bit to `ends[n:]`, and up to 7 entries without meaning after these.

    Eight entries are written at a time, without a branch on the number of set bits, which the CPU cannot predict.
    """
    for first in range(n, n + count_ones(bits), 8):
        for place in range(8):
            ends[first + place] = base + trailing_zeros(bits)
            bits = without_lowest(bits)


def scanner(block_starts: Callable[..., Any], end_of: Callable[..., Any]) -> Callable[..., Int]:
    """Make the scan of a pattern.

    `end_of(text, position, end, classes)` returns the end of the pretoken that begins at `position`. If the text is
    not UTF-8 at some place, it returns `-1 - place` instead. `block_starts(text, position, classes)` finds the starts
    of pretokens in the 64 bytes from `position` on, which must exist. It returns four values. The first is a uint64
    with one bit per byte, set where a pretoken begins; the lowest bit has no meaning. The second has the bits of the
    bytes at which another block may begin although no pretoken begins there. The third is how many bits of both are
    certain, from the lowest. The fourth is how many bytes must be scanned character by character instead. The block
    must begin at the start of a pretoken, or at a byte of the second value of another block.
    """

    @inline
    def scan_ends(text: Any, position: Int, end: Int, classes: Any, ends: Any) -> Int:
        """Write the ends of the pretokens of `text[position:end]` to `ends`, int64, until `ends` is full.

        `ends` must have at least `MIN_ENDS` entries. Returns the number of ends. If a byte at some place is not
        UTF-8, the scan stops there, and the last end is `-1 - place`.
        """
        n = 0
        start = np.int64(position)
        slow_until = start
        while position < end and n + MIN_ENDS <= len(ends):
            found = inside = np.uint64(0)
            if position >= slow_until and position + 64 <= end:
                starts, joints, certain, slow = block_starts(text, position, classes)
                slow_until = position + slow
                if certain > 0:
                    sure = ((ONE << np.uint64(certain)) - ONE) & ~ONE
                    found, inside = starts & sure, joints & sure
            if found:
                write_places(found, position, ends, n)
                n += count_ones(found)
                position += 63 - leading_zeros(found)
                start = position
            elif inside:  # The pretoken goes on after this block.
                position += 63 - leading_zeros(inside)
            else:
                position = end_of(text, start, end, classes)
                start = position
                ends[n] = position
                n += 1
                if position < 0:
                    break
        return n

    return scan_ends


@inline
def known_until(faults: Any) -> tuple[Int, Int]:
    """Return how many bytes of a block are known, and how many bytes must be scanned character by character.

    `faults` has one bit per byte, set where the class of a byte is not known. The last character of a block may be
    whole in the next block.
    """
    known = trailing_zeros(faults)
    return known, (known + 1 if known < 61 else 0)


@inline
def contraction_length(text: Any, position: Int, end: Int) -> Int:
    """Return the length of `'s 't 'd 'm 'll 've 're` at the apostrophe at `position`, or 0 if none is there."""
    if position + 1 < end:
        first = text[position + 1]
        if first == ord("s") or first == ord("t") or first == ord("d") or first == ord("m"):
            return 2
        if position + 2 < end:
            second = text[position + 2]
            if (first == ord("l") and second == ord("l")) or (
                second == ord("e") and (first == ord("v") or first == ord("r"))
            ):
                return 3
    return 0


@inline
def gpt2_end(text: Any, position: Int, end: Int, classes: Any) -> Int:
    """Return the end of the pretoken of `text[:end]` that begins at `position`.

    If a byte at some place is not UTF-8, return `-1 - place` instead.
    """
    if text[position] == ord("'"):
        length = contraction_length(text, position, end)
        if length:
            return position + length
    kind, length = class_at(text, position, end, classes)
    if text[position] == ord(" ") and position + 1 < end:
        kind, length = class_at(text, position + 1, end, classes)
        if kind != SPACE:
            position += 1
    if kind == SPACE:
        return space_end(text, position, end, classes)
    while kind != INVALID:
        position += length
        if position == end:
            return position
        following, length = class_at(text, position, end, classes)
        if following != kind:
            if following == INVALID:
                break
            return position
    return -1 - position


@inline
def space_end(text: Any, position: Int, end: Int, classes: Any) -> Int:
    """Return the end of the pretoken that begins a run of whitespace at `position`. See `gpt2_end`."""
    start = position
    last = position
    while position < end:
        kind, length = class_at(text, position, end, classes)
        if kind == INVALID:
            return -1 - position
        if kind != SPACE:
            return last if last > start else position
        last = position
        position += length
    return end


@inline
def gpt2_starts(text: Any, position: Int, classes: Any) -> tuple[Any, Any, Int, Int]:
    """Find the starts of pretokens in a block for `gpt2`. See `scanner`.

    The rules by class:

    - A letter, number or other character begins a pretoken, unless the character before it has the same class or is
      U+0020.
    - Whitespace begins a pretoken at the first character of its run, and at its last character, which the run leaves
      to the next pretoken.

    An apostrophe that begins a pretoken may begin a contraction; the scan by character decides whether it does. All
    other rules look at most one character back, so another block may begin at any character.
    """
    block = classify_block(text, position)
    letters, digits, spaces = block.letters, block.digits, block.spaces
    known, slow, firsts = 64, 0, ALL
    space_lasts = spaces & ~(spaces >> ONE)
    if block.wide:
        wide, parts = wide_classes(text, position, block.wide, classes)
        letters, digits, spaces = letters | wide.letters, digits | wide.digits, spaces | wide.spaces
        space_lasts = first_of_last(spaces & ~(spaces >> ONE), parts)
        known, slow = known_until(wide.faults)
        firsts = ~parts.following
    others = ~(letters | digits | spaces)
    joined = (letters & (letters << ONE)) | (digits & (digits << ONE)) | (others & (others << ONE))
    joined |= (block.blanks << ONE) | spaces
    starts = ~joined | (spaces & ~(spaces << ONE)) | space_lasts
    certain = known - 1
    if block.wide and known and (spaces >> np.uint64(known - 1)) & ONE:
        certain = known - 3  # The last whitespace of its run has up to three bytes.
    suspects = block.apostrophes & starts & (letters >> ONE)
    if suspects:
        certain = min(certain, trailing_zeros(suspects) + 1)
    return starts, firsts, certain, slow


scan_gpt2 = scanner(gpt2_starts, gpt2_end)
