"""Random texts that are likely to find faults.

A text has few different characters, so each pair of characters occurs often, and characters are often repeated. Many
lengths are near 64 or 128, since compiled code scans blocks of 64 bytes.
"""

from __future__ import annotations

from random import Random

ALPHABETS = (
    "abc    ",
    "ab1!' \n",
    "it's we'll he'd  ",
    "'slvredtm SLVREDTM\u017f\u2019",
    "ab  \n\t\r",
    "  \n\r\n! x",
    "aé \u20191x' ",
    "世a 界 ",
    "aAbB's/\n ",
    "aA世\u0301\u01c5\u02b0 !",
    "0123456789x ½²٣",
    " \t\n\r\x0b\x0c\x1c\x1d\x1e\x1f\x85\xa0\u2028\u3000x",
    "a\x00\x7f\x80\u07ff\u0800\uffff\U00010000\U0010ffff ",
    "👍🏽\u200d👩🏴\ufe0f1 ",
    "<|endoftext|>ab \n",
)

LENGTHS = ((0, 12), (1, 40), (56, 72), (120, 136), (1, 400), (1000, 6000))
"""Ranges of the number of characters."""


def any_character(random: Random) -> str:
    """Return a random Unicode character; most are among the first 0x20000 code points."""
    code = random.randrange(random.choice((0x800, 0x20000, 0x110000)))
    return "x" if 0xD800 <= code < 0xE000 else chr(code)


def alphabet(random: Random) -> str:
    """Return an alphabet of the table; sometimes characters of another alphabet or of all Unicode are added."""
    chosen = random.choice(ALPHABETS)
    if random.random() < 0.3:
        chosen += random.choice(ALPHABETS)
    if random.random() < 0.3:
        chosen += "".join(any_character(random) for _ in range(4))
    return chosen


def text(random: Random, longest: int = 6000, letters: str = "") -> str:
    """Return a text of at most `longest` characters; they come from `letters`, or from an alphabet of the table.

    Some texts repeat characters, because patterns differ at runs of whitespace, digits or punctuation.
    """
    letters = letters or alphabet(random)
    low, high = random.choice([bounds for bounds in LENGTHS if bounds[0] < longest])
    length = random.randint(low, min(high, longest))
    characters = random.choices(letters, k=length)
    if random.random() < 0.5:
        characters = [one * random.choice((1, 1, 1, 2, 3, 9, 70)) for one in characters]
    return "".join(characters)[:longest]


def special_tokens(random: Random, content: str) -> list[str]:
    """Return up to four special tokens that may overlap: parts of `content`, their prefixes, `<|endoftext|>`."""
    parts = [content[start : start + random.randint(1, 6)] for start in random.choices(range(len(content) + 1), k=3)]
    found = [*parts, *(part[:-1] for part in parts), *(part + part[:1] for part in parts), "<|endoftext|>", "<|end"]
    usable = sorted({token for token in found if token and "\ufffd" not in token})
    return random.sample(usable, min(len(usable), random.randint(1, 4)))
