"""CPU instructions that Python does not offer: this module shows what each does, `intrinsics` has its LLVM code."""

from __future__ import annotations

import ctypes
from typing import Any, NamedTuple

import numpy as np

from impls.kernels.helpers import Int, instruction


@instruction
def load_u64(text: Any, index: Int) -> Any:
    """Return 8 bytes of `text` from `index` as a little-endian uint64; the bytes must be there."""
    return np.uint64(int.from_bytes(text[index : index + 8].tobytes(), "little"))


@instruction
def store_u64(text: Any, index: Int, word: Any) -> None:
    """Write a uint64 to 8 bytes of `text` from `index`, little-endian; the bytes must be there."""
    text[index : index + 8] = np.frombuffer(int(word).to_bytes(8, "little"), np.uint8)


@instruction
def store_two(numbers: Any, index: Int, word: Any) -> None:
    """Write both halves of a uint64, the lower first, to the int32 `numbers[index:index + 2]`; they must be there."""
    numbers[index : index + 2] = np.array([word], np.uint64).view(np.int32)


@instruction
def multiply_fold(left: Any, right: Any) -> Any:
    """Return the xor of the two halves of the 128-bit product of two uint64."""
    product = int(left) * int(right)
    return np.uint64((product ^ (product >> 64)) & 0xFFFFFFFFFFFFFFFF)


@instruction
def prefetch_row(table: Any, row: Int) -> None:
    """Tell the CPU to fetch a row of an array into its caches before it is used."""


@instruction
def trailing_zeros(value: Any) -> Int:
    """Return the index of the lowest set bit of a uint64, or 64 if no bit is set."""
    number = int(value)
    return (number & -number).bit_length() - 1 if number else 64


@instruction
def leading_zeros(value: Any) -> Int:
    """Return the number of zeros above the highest set bit of a uint64, or 64 if no bit is set."""
    return 64 - int(value).bit_length()


@instruction
def count_ones(value: Any) -> Int:
    """Return how many bits of a uint64 are set."""
    return int(value).bit_count()


@instruction
def without_lowest(value: Any) -> Any:
    """Return a uint64 without its lowest set bit."""
    return np.uint64(int(value) & (int(value) - 1)) if value else value


@instruction
def call_c(function: Int, first: Int, second: Int, third: Int) -> Int:
    """Call the C function at an address with three words, and return a word; a function may ignore some words."""
    return ctypes.PYFUNCTYPE(*[ctypes.c_int64] * 4)(function)(first, second, third)


class Block(NamedTuple):
    """Classes of 64 bytes: one uint64 per class, with one bit per byte.

    Attributes:
        letters: ASCII letters.
        uppers: upper-case ASCII letters.
        digits: ASCII digits.
        spaces: ASCII whitespace.
        line_ends: CR and LF.
        blanks: U+0020.
        apostrophes: U+0027.
        slashes: U+002F.
        wide: bytes that are not ASCII.
    """

    letters: Any
    uppers: Any
    digits: Any
    spaces: Any
    line_ends: Any
    blanks: Any
    apostrophes: Any
    slashes: Any
    wide: Any


@instruction
def classify_block(text: Any, position: Int) -> Block:
    """Classify the 64 bytes `text[position:position + 64]`, which must exist."""
    block = text[position : position + 64]
    lower = block | 0x20
    blank = block == 0x20
    masks = (
        (lower >= ord("a")) & (lower <= ord("z")),
        (block >= ord("A")) & (block <= ord("Z")),
        (block >= ord("0")) & (block <= ord("9")),
        blank | ((block >= 0x09) & (block <= 0x0D)),
        (block == ord("\r")) | (block == ord("\n")),
        blank,
        block == ord("'"),
        block == ord("/"),
        block >= 0x80,
    )
    return Block(*(np.packbits(mask, bitorder="little").view(np.uint64)[0] for mask in masks))


class Utf8(NamedTuple):
    """Parts of UTF-8 characters in 64 bytes: one uint64 per part, with one bit per byte.

    Attributes:
        two: first bytes of characters of two bytes.
        three: first bytes of characters of three bytes.
        four: first bytes of characters of four bytes.
        following: bytes that are not the first byte of their character.
        low: bytes 0x80 to 0x9F, the lower half of `following`.
        first_three: bytes 0xE0, after which no character has a low byte.
        surrogates: bytes 0xED, after which all characters have a low byte.
    """

    two: Any
    three: Any
    four: Any
    following: Any
    low: Any
    first_three: Any
    surrogates: Any


UTF8_RANGES = Utf8((0xC2, 0xDF), (0xE0, 0xEF), (0xF0, 0xF4), (0x80, 0xBF), (0x80, 0x9F), (0xE0, 0xE0), (0xED, 0xED))
"""The first and the last byte of each part."""


@instruction
def classify_utf8(text: Any, position: Int) -> Utf8:
    """Find the parts of characters in the 64 bytes `text[position:position + 64]`, which must exist."""
    block = text[position : position + 64]
    masks = ((block >= first) & (block <= last) for first, last in UTF8_RANGES)
    return Utf8(*(np.packbits(mask, bitorder="little").view(np.uint64)[0] for mask in masks))


@instruction
def match_block(text: Any, position: Int, byte: Any) -> Any:
    """Return a uint64 with one bit per byte of `text[position:position + 64]`.

    A bit is set if its byte equals `byte`.
    """
    return np.packbits(text[position : position + 64] == byte, bitorder="little").view(np.uint64)[0]
