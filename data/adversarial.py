"""Texts made to break a tokenizer: each text takes one property to its extreme, at any size.

Every function takes a size in bytes and returns exactly so many bytes, the same on every machine. All texts but
`invalid_utf8` are valid UTF-8: characters are never cut, and if the next piece does not fit, newlines fill the rest.
"""

import hashlib
import unicodedata
from collections.abc import Callable, Sequence
from functools import cache
from itertools import product
from string import ascii_letters, ascii_lowercase

# Every Python has the tables of Unicode 3.2, so the characters are always the same.
_UNICODE = unicodedata.ucd_3_2_0
_SAMPLES = 40

_EMOJI = (
    *"😀😂🥹🤖👽🐙🦔🍕🎈🚀",
    *("❤️", "☕️", "✈️", "1️⃣", "#️⃣", "*️⃣"),  # variation selectors and keycaps
    *("👍🏻", "👍🏽", "👍🏿", "🧑🏾", "💪🏼"),  # skin tones
    *("👨‍👩‍👧‍👦", "👩🏽‍🚀", "🧑🏿‍🤝‍🧑🏻", "🏳️‍🌈", "🏴‍☠️", "❤️‍🔥", "👁️‍🗨️"),  # joined by ZWJ
    *("🇪🇸", "🇯🇵", "🇧🇷", "🇺🇳", "🇪🇸🇯🇵🇧🇷"),  # flags: pairs of regional indicators
    "🏴\U000e0067\U000e0062\U000e0073\U000e0063\U000e0074\U000e007f",  # a flag spelled in tag characters
)

_INVALID = (
    *(b"\x80", b"\xbf\xbf", b"a\x80b"),  # continuation bytes on their own
    *(b"\xc3", b"\xe2\x82", b"\xf0\x9f\x98", b"\xf0\x9f"),  # sequences that stop early
    *(b"\xc0\x80", b"\xc1\xbf", b"\xe0\x80\xaf", b"\xf0\x80\x80\xaf"),  # overlong forms
    *(b"\xed\xa0\x80", b"\xed\xbf\xbf", b"\xed\xa0\xbd\xed\xb8\x80"),  # surrogates, alone and in a pair
    *(b"\xf4\x90\x80\x80", b"\xf5\x80\x80\x80", b"\xf8\x88\x80\x80\x80", b"\xfe", b"\xff"),  # above U+10FFFF
)


def _cycle(pieces: Sequence[str], n_bytes: int) -> bytes:
    """Repeat the pieces, as long as whole pieces fit, and fill the rest with newlines."""
    encoded = [piece.encode() for piece in pieces]
    period = b"".join(encoded)
    text = period * (n_bytes // len(period))
    for piece in encoded:
        if len(text) + len(piece) > n_bytes:
            break
        text += piece
    return text.ljust(n_bytes, b"\n")


def ties(n_bytes: int) -> bytes:
    """Repeat all two-letter words, each once per period of 8,112 bytes; then all pairs have equal counts."""
    return _cycle([f"{left}{right}." for left, right in product(ascii_letters, repeat=2)], n_bytes)


def one_letter(n_bytes: int) -> bytes:
    """Repeat `a`: the text is one pretoken, in which every pair overlaps the next pair."""
    return b"a" * n_bytes


def no_spaces(n_bytes: int) -> bytes:
    """Draw lower-case letters, without a space: the text is one pretoken in which hardly anything repeats."""
    letters = bytes(ascii_lowercase[byte % 26].encode()[0] for byte in range(256))
    return hashlib.shake_128(b"no spaces").digest(n_bytes).translate(letters)


@cache
def _unicode_samples() -> list[str]:
    """Return runs of characters of one category, then runs with a character of each category.

    After each run come a space and the first character of the run, alone.
    """
    samples: dict[str, list[str]] = {}
    for char in map(chr, range(0x110000)):
        samples.setdefault(_UNICODE.category(char), []).append(char)
    samples.pop("Cs")  # not encodable
    runs = [chars[:: -(-len(chars) // _SAMPLES)] for _, chars in sorted(samples.items())]
    mixed = ["".join(run[i % len(run)] for run in runs) for i in range(_SAMPLES)]
    return [char for text in (*map("".join, runs), *mixed) for char in (*text, " ", text[0])]


def unicode_classes(n_bytes: int) -> bytes:
    """Mix characters of every general category except surrogates: alone, in runs and after a space."""
    return _cycle(_unicode_samples(), n_bytes)


def crlf(n_bytes: int) -> bytes:
    """Repeat lines that end in CR LF, empty lines, lone CRs, LF CR, and spaces before and after line ends."""
    lines = "one line|\r\n|\r\n|two|\r\n\r\n|cr alone|\r|lf cr|\n\r|space |\r\n| \r\n|tab\t|\r\n\t"
    return _cycle(lines.split("|"), n_bytes)


def emoji(n_bytes: int) -> bytes:
    """Repeat emoji: plain, skin tones, keycaps, families joined by ZWJ, flags; alone, in pairs, after a space."""
    return _cycle([*_EMOJI, *(f" {one}{one}" for one in _EMOJI), *(f" word{one}" for one in _EMOJI)], n_bytes)


def special_tokens(n_bytes: int) -> bytes:
    """Repeat `<|endoftext|>`: if the size is a multiple of 13 bytes, no pretoken is left to train on."""
    return _cycle(["<|endoftext|>"], n_bytes)


def whitespace_runs(n_bytes: int) -> bytes:
    """Put runs of 1 to 40 blanks before words, numbers and signs; a run has one kind of blank or two kinds mixed."""
    blanks = [*" \t\n\v\f\x85\xa0\u1680\u2003\u2028\u202f\u3000", "\r\n"]
    pieces = []
    for length, blank in product((1, 2, 3, 7, 40), (*blanks, " \t", "\n ", " \n", "\u3000 ")):
        pieces += [blank * length, "word", blank * length, "12", blank * length, "!"]
    return _cycle(pieces, n_bytes)


def invalid_utf8(n_bytes: int) -> bytes:
    """Put invalid sequences amid ASCII: truncated, lone continuation, overlong, surrogate, above U+10FFFF."""
    period = b"".join(sequence + gap for gap in (b"", b" ok ", b"\n") for sequence in _INVALID)
    return (period * (n_bytes // len(period) + 1))[:n_bytes]


def one_pretoken(n_bytes: int) -> bytes:
    """Repeat ` again`: if the size is a multiple of 6 bytes, the text has a single unique pretoken."""
    return _cycle([" again"], n_bytes)


TEXTS: dict[str, Callable[[int], bytes]] = {
    "ties": ties,
    "one-letter": one_letter,
    "no-spaces": no_spaces,
    "unicode-classes": unicode_classes,
    "crlf": crlf,
    "emoji": emoji,
    "special-tokens": special_tokens,
    "whitespace-runs": whitespace_runs,
    "invalid-utf8": invalid_utf8,
    "one-pretoken": one_pretoken,
}
