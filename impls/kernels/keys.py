"""The hash table of pretokens that counting and encoding share: open addressing, entries of four words.

A word is a uint64. Words 0 and 1 of an entry are the key. The key of a pretoken of up to 15 bytes holds the bytes
themselves, with the length in the top byte. The key of a longer pretoken holds its hash and its length. The bytes of
a longer pretoken are kept in a pool, and a look-up compares them, too. Words 2 and 3 are free for the caller, with
one exception: word 3 of a longer pretoken is the index in the pool at which its bytes begin.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from impls.kernels.compiler import kernel
from impls.kernels.helpers import Int, inline
from impls.kernels.instructions import load_u64, multiply_fold, prefetch_row, store_u64

SHORT_BYTES = 15
WORDS = 4

BATCH = 256

_LONG = np.uint64(0xFF << 56)
_SEED_0 = np.uint64(0x9E3779B97F4A7C15)
_SEED_1 = np.uint64(0xD1B54A32D192ED03)
_ALL = np.uint64(0xFFFFFFFFFFFFFFFF)
_MOST = np.uint64(0x7FFFFFFFFFFFFFFF)


@inline
def load_tail(text: Any, position: Int, length: Int) -> Any:
    """Return `length` bytes, at most 8, as a uint64. They are read one by one, which is safe at the end of a text."""
    word = np.uint64(0)
    for place in range(min(length, 8)):
        word |= np.uint64(text[position + place]) << np.uint64(8 * place)
    return word


@inline
def short_key(text: Any, position: Int, length: Int) -> tuple[Any, Any]:
    """Return the key of a pretoken of up to 15 bytes."""
    if position + 16 <= len(text):
        # Without a branch on the length, which the CPU would often predict wrongly.
        low = load_u64(text, position) & (_ALL >> np.uint64(64 - 8 * min(length, 8)))
        high = load_u64(text, position + 8) & (_MOST >> np.uint64(127 - 8 * max(length, 8)))
    else:
        low = load_tail(text, position, length)
        high = load_tail(text, position + 8, length - 8)
    return low, high | (np.uint64(length) << np.uint64(56))


@inline
def long_key(text: Any, position: Int, length: Int) -> tuple[Any, Any]:
    """Return the key of a pretoken of 16 bytes or more: a hash, and the length with a top byte of 255."""
    digest = _SEED_1
    for place in range(0, length - 8, 8):
        digest = multiply_fold(digest ^ load_u64(text, position + place), _SEED_0)
    digest = multiply_fold(digest ^ load_u64(text, position + length - 8), _SEED_0)
    return digest, _LONG | np.uint64(length)


@inline
def key_of(text: Any, position: Int, length: Int) -> tuple[Any, Any]:
    """Return the key of a pretoken: two words, uint64."""
    if length <= SHORT_BYTES:
        return short_key(text, position, length)
    return long_key(text, position, length)


@inline
def key_length(high: Any) -> Int:
    """Return the length of a pretoken from the second word of its key."""
    length = np.int64(high >> np.uint64(56))
    return length if length <= SHORT_BYTES else np.int64(high & ~_LONG)


@inline
def slot_of(low: Any, high: Any, mask: Int) -> Int:
    """Return the entry at which the search for a key begins."""
    return np.int64(multiply_fold(low ^ _SEED_0, high ^ _SEED_1)) & mask


@inline
def pair_slot(pair: Any, mask: Int) -> Int:
    """Return the entry at which the search for a pair begins (multiplicative hashing: Knuth, volume 3, 6.4)."""
    return np.int64(multiply_fold(np.uint64(pair), _SEED_0) & np.uint64(mask))


@inline
def same_bytes(pool: Any, start: Int, text: Any, position: Int, length: Int) -> bool:
    """Tell whether `length` bytes, at least 8, of the pool and of the text are equal; the last word may overlap."""
    last = length - 8
    for place in range(0, last, 8):
        if load_u64(pool, start + place) != load_u64(text, position + place):
            return False
    return bool(load_u64(pool, start + last) == load_u64(text, position + last))


@inline
def copy_bytes(source: Any, position: Int, target: Any, start: Int, length: Int) -> None:
    """Copy `length` bytes, at least 8, word by word; the last word may overlap the word before it."""
    last = length - 8
    for place in range(0, last, 8):
        store_u64(target, start + place, load_u64(source, position + place))
    store_u64(target, start + last, load_u64(source, position + last))


@inline
def find(table: Any, pool: Any, text: Any, position: Int, length: Int, low: Any, high: Any, slot: Int) -> Int:
    """Return the index of a pretoken's entry, or of the empty entry where it belongs; the search begins at `slot`.

    `table` must have an empty entry.
    """
    mask = len(table) - 1
    while table[slot, 1]:
        if (
            table[slot, 0] == low
            and table[slot, 1] == high
            and (length <= SHORT_BYTES or same_bytes(pool, np.int64(table[slot, 3]), text, position, length))
        ):
            break
        slot = (slot + 1) & mask
    return slot


class Batch(NamedTuple):
    """Pretokens that are looked up together, so that the memory of all their entries can be fetched ahead.

    Attributes:
        ends: int64[n], the position in the text at which each pretoken ends.
        keys: uint64[n, 2], the key of each pretoken.
        slots: int64[n], the entry at which the search for each key begins.
    """

    ends: NDArray[np.int64]
    keys: NDArray[np.uint64]
    slots: NDArray[np.int64]


def new_batch() -> Batch:
    """Return empty arrays for a batch, small enough to fit in the first-level cache together with its entries."""
    return Batch(np.empty(BATCH, np.int64), np.empty((BATCH, 2), np.uint64), np.empty(BATCH, np.int64))


@inline
def look_ahead(text: Any, position: Int, n: Int, table: Any, batch: Any) -> None:
    """Compute keys and slots of the `n` pretokens of a batch, of which the first begins at `position`.

    Fetch their entries.
    """
    mask = len(table) - 1
    for index in range(n):
        after = batch.ends[index]
        low, high = key_of(text, position, after - position)
        slot = slot_of(low, high, mask)
        batch.keys[index, 0] = low
        batch.keys[index, 1] = high
        batch.slots[index] = slot
        prefetch_row(table, slot)
        position = after


@kernel
def rehash(old: Any, new: Any) -> None:
    """Copy the entries of one table, uint64[n, 4], to a larger empty table."""
    mask = len(new) - 1
    for entry in range(len(old)):
        if old[entry, 1]:
            slot = slot_of(old[entry, 0], old[entry, 1], mask)
            while new[slot, 1]:
                slot = (slot + 1) & mask
            for word in range(WORDS):
                new[slot, word] = old[entry, word]
