"""Where pretokens end: the GPT-2 pattern as a scan over classes, and special tokens as a search.

Equal to `regex` on every valid text. The pattern never looks behind itself, so that a scan may start wherever a
pretoken does. Its two subtleties: of a whitespace run before a non-space the last character is given up, and only
U+0020 joins the word behind it. `gpt2_end` takes a character at a time and any text; `scan_ends` takes 64 bytes of
ASCII at a time, as bit masks, and leaves the rest to it.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from impls.kernels.classes import SPACE
from impls.kernels.compiler import Int, inline
from impls.kernels.instructions import (
    classify_block,
    count_ones,
    leading_zeros,
    match_block,
    trailing_zeros,
    without_lowest,
)

ONE = np.uint64(1)

MIN_ENDS = 72
"""Room that `scan_ends` needs: what begins in a block of 64 bytes, and what `write_places` writes behind it."""

INVALID = 255
"""Class of bytes that are not UTF-8."""


class Specials(NamedTuple):
    """Special tokens, longest first.

    Attributes:
        bytes_: uint8[total], one behind the other.
        offsets: int64[n + 1].
        starts: bool[256], whether some special token begins with this byte.
        ids: int32[n], the id of each.
        only: the byte that all of them begin with, -1 if they do not.
    """

    bytes_: NDArray[np.uint8]
    offsets: NDArray[np.int64]
    starts: NDArray[np.bool_]
    ids: NDArray[np.int32]
    only: int


def pack_specials(special_tokens: Mapping[str, int]) -> Specials:
    """Pack special tokens with their ids for the kernels."""
    tokens = sorted(((token.encode(), token_id) for token, token_id in special_tokens.items()), key=_longest_first)
    starts = np.zeros(256, np.bool_)
    starts[[token[0] for token, _ in tokens]] = True
    offsets = np.cumsum([0, *(len(token) for token, _ in tokens)]).astype(np.int64)
    content = np.frombuffer(b"".join(token for token, _ in tokens), np.uint8).copy()
    firsts = {token[0] for token, _ in tokens}
    only = firsts.pop() if len(firsts) == 1 else -1
    return Specials(content, offsets, starts, np.array([token_id for _, token_id in tokens], np.int32), only)


def _longest_first(item: tuple[bytes, int]) -> int:
    return -len(item[0])


@inline
def special_at(text: Any, position: Int, end: Int, specials: Any) -> Int:
    """Return which special token stands at `position` of `text[:end]`, the longest; -1 if there is none."""
    for token in range(len(specials.offsets) - 1):
        start = specials.offsets[token]
        length = specials.offsets[token + 1] - start
        if position + length <= end:
            same = 0
            while same < length and text[position + same] == specials.bytes_[start + same]:
                same += 1
            if same == length:
                return token
    return -1


@inline
def special_length(token: Int, specials: Any) -> Int:
    """Return the length of a special token in bytes."""
    return specials.offsets[token + 1] - specials.offsets[token]


@inline
def next_special(text: Any, position: Int, end: Int, specials: Any) -> Int:
    """Return where the next special token of `text[position:end]` begins, `end` if there is none."""
    if len(specials.offsets) == 1:
        return end
    while position < end:
        if specials.only >= 0 and position + 64 <= end:
            found = match_block(text, position, np.uint8(specials.only))
            if not found:
                position += 64
                continue
            position += trailing_zeros(found)
        if specials.starts[text[position]] and special_at(text, position, end, specials) >= 0:
            return position
        position += 1
    return end


@inline
def wide_class(text: Any, position: Int, end: Int, classes: Any) -> tuple[Int, Int]:
    """Return class and length in bytes of the non-ASCII character at `position`; (INVALID, 1) if it is not one."""
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
    """Return class and length in bytes of the character at `position`."""
    byte = text[position]
    if byte < 0x80:
        return np.int64(classes.blocks[byte]), 1
    return wide_class(text, position, end, classes)


@inline
def contraction_length(text: Any, position: Int, end: Int) -> Int:
    """Return the length of `'s 't 'd 'm 'll 've 're` at the apostrophe at `position`, 0 if it is none of them."""
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
    """Return where the pretoken that begins at `position` of `text[:end]` ends; `-1 - place` of an invalid byte."""
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
    """Return where the pretoken in the whitespace run at `position` ends; `-1 - place` of an invalid byte."""
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
def block_starts(text: Any, position: Int) -> tuple[Any, Int, Int]:
    """Find the pretokens that begin behind `position`, where one begins, within 64 bytes that are there.

    Returns a bit a byte; the place up to which the bits are certain, exclusive; and that up to which to scan by
    character. A bit depends on the bytes beside it, so that the last one, non-ASCII bytes and apostrophes end what is
    certain. The rules by class of ASCII:

    - a letter, digit or other character begins a pretoken unless the one before is of its class or is U+0020;
    - whitespace does where its run begins, and at the last character of the run, which the run gives up.
    """
    letters, digits, spaces, blanks, apostrophes, wide = classify_block(text, position)
    others = ~(letters | digits | spaces)
    joined = (letters & (letters << ONE)) | (digits & (digits << ONE)) | (others & (others << ONE)) | (blanks << ONE)
    starts = (~spaces & ~joined) | (spaces & ~((spaces << ONE) & (spaces >> ONE)))
    certain = np.int64(63)
    slow = np.int64(0)
    if wide:
        first = trailing_zeros(wide)
        certain = first - 1
        slow = first + trailing_zeros(~(wide >> np.uint64(first)))
    # An apostrophe inside a run of others is no start; one that is may begin a contraction, which is decided there.
    suspects = apostrophes & starts & ~ONE
    if suspects:
        certain = min(certain, trailing_zeros(suspects) + 1)
    return starts & ~ONE, certain, slow


@inline
def write_places(bits: Any, base: Int, ends: Any, n: Int) -> None:
    """Write `base` + place of each bit to `ends[n:]`, and up to 7 entries of no meaning behind them.

    Eight at a time without a branch: how many there are is hard to predict, and nothing waits for it.
    """
    for first in range(n, n + count_ones(bits), 8):
        for place in range(8):
            ends[first + place] = base + trailing_zeros(bits)
            bits = without_lowest(bits)


@inline
def scan_ends(text: Any, position: Int, end: Int, classes: Any, ends: Any) -> Int:
    """Write where the pretokens of `text[position:end]` end to `ends`, int64, until it is full or the text ends.

    `ends` holds at least `MIN_ENDS`. Returns how many there are. The last one is `-1 - place` of a byte that is not
    UTF-8 if there is one. ASCII is scanned 64 bytes at a time, everything else a character at a time.
    """
    n = 0
    slow_until = np.int64(position)
    while position < end and n + MIN_ENDS <= len(ends):
        found = np.uint64(0)
        if position >= slow_until and position + 64 <= end and text[position] != ord("'"):
            starts, certain, slow = block_starts(text, position)
            slow_until = position + slow
            if certain > 0:
                found = starts & ((ONE << np.uint64(certain)) - ONE)
        if found:
            write_places(found, position, ends, n)
            n += count_ones(found)
            position += 63 - leading_zeros(found)
        else:
            position = gpt2_end(text, position, end, classes)
            ends[n] = position
            n += 1
            if position < 0:
                break
    return n
