"""The kind of each character: white space, a symbol, a number, or a letter of some script.

Classes of characters are those of the `regex` package (Unicode Standard Annex 24 for scripts).
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache

import numpy as np
import regex
from numpy.typing import NDArray

from impls.contract import Array8

SCRIPTS = (
    *("Latin", "Greek", "Cyrillic", "Armenian", "Georgian", "Hebrew", "Arabic", "Syriac", "Thaana", "Devanagari"),
    *("Bengali", "Gurmukhi", "Gujarati", "Oriya", "Tamil", "Telugu", "Kannada", "Malayalam", "Sinhala", "Thai"),
    *("Lao", "Tibetan", "Myanmar", "Khmer", "Mongolian", "Ethiopic", "Cherokee", "Hangul", "Hiragana", "Katakana"),
    *("Bopomofo", "Han", "Yi"),
)

KINDS = ("white space", "symbols", "numbers", "other scripts", *SCRIPTS)
"""If a token holds characters of several kinds, the kind that stands last here counts: letters before numbers,
numbers before symbols."""

SPACE = KINDS.index("white space")

_UNKNOWN = 255


@cache
def _expression() -> regex.Pattern[str]:
    """Return an expression with a group per kind, in the order of KINDS."""
    scripts = "|".join(rf"(\p{{Script={name}}})" for name in SCRIPTS)
    return regex.compile(rf"(\s)|([^\p{{L}}\p{{M}}\p{{N}}])|(\p{{N}})|(?!{scripts.replace('(', '(?:')})(.)|{scripts}")


def _kind_of(character: str) -> int:
    match = _expression().match(character)
    return match.lastindex - 1 if match and match.lastindex else KINDS.index("symbols")


@cache
def _table() -> Array8:
    """Return uint8[number of code points], filled when characters are first met."""
    return np.full(0x110000, _UNKNOWN, np.uint8)


def kinds_of(text: str) -> Array8:
    """Return the kind of each character of a text, uint8[n], as an index of KINDS."""
    table, codes = _table(), np.frombuffer(text.encode("utf-32-le", "surrogatepass"), "<u4")
    for code in np.unique(codes[table[codes] == _UNKNOWN]).tolist():
        table[code] = _kind_of(chr(code))
    found: Array8 = table[codes]
    return found


def kinds_of_tokens(kinds: Array8, spans: NDArray[np.signedinteger]) -> Array8:
    """Return the kind of each token, uint8[n].

    Args:
        kinds: uint8[m], the kind of each character of the text.
        spans: [n, 2], the characters of each token, as `encode_with_offsets` returns them.
    """
    if not len(spans):
        return np.zeros(0, np.uint8)
    # A token reaches to the beginning of the next token, or one character further.
    found: Array8 = np.maximum(np.maximum.reduceat(kinds, spans[:, 0]), kinds[spans[:, 1] - 1])
    return found


def kinds_of_texts(texts: Sequence[str]) -> list[str]:
    """Return the name of the kind of each of many texts, none of them empty."""
    stops = np.cumsum([len(text) for text in texts], dtype=np.int64)
    spans = np.stack([np.concatenate([[0], stops[:-1]]), stops], axis=1) if len(texts) else np.zeros((0, 2), np.int64)
    return [KINDS[kind] for kind in kinds_of_tokens(kinds_of("".join(texts)), spans).tolist()]
