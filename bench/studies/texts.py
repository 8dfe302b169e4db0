"""Texts that differ in one property: how often pretokens repeat, how long they are, or in which script they are."""

from __future__ import annotations

import string
from pathlib import Path

from bench import SPECIAL_TOKENS
from data import adversarial, get

SCRIPTS = {
    "Latin, 1 byte": string.ascii_letters,
    "Cyrillic, 2 bytes": "".join(map(chr, [*range(0x430, 0x44A), *range(0x410, 0x42A)])),
    "Devanagari, 3 bytes": "".join(map(chr, range(0x905, 0x905 + 52))),
    "Han, 3 bytes": "".join(map(chr, range(0x4E00, 0x4E00 + 52))),
    "Deseret, 4 bytes": "".join(map(chr, [*range(0x10428, 0x10442), *range(0x10400, 0x1041A)])),
}
"""Letters that take the places of a to z and A to Z, with their length in UTF-8."""


def _kept(path: Path, content: bytes) -> str:
    """Write a text to a file, and return the name of the corpus that this file is."""
    path.write_bytes(content)
    return f"file:{path}"


def repeated(folder: Path, n_bytes: int, times: int) -> str:
    """Write one part of `stories` to a file, `times` times in a row; return the name of this corpus of `n_bytes`."""
    part = get("stories", n_bytes // times).read_bytes()
    return _kept(folder / f"repeated-{times}.txt", part * times)


def words(folder: Path, n_bytes: int, length: int) -> str:
    """Make about `n_bytes` of random words of `length` letters, which hardly ever repeat; return the corpus name."""
    letters = adversarial.no_spaces(n_bytes).decode()
    parts = (letters[start : start + length] for start in range(0, n_bytes - length + 1, length))
    return _kept(folder / f"words-{length}.txt", " ".join(parts).encode())


def in_script(folder: Path, n_bytes: int, script: str) -> str:
    """Make stories of `n_bytes` in letters of another script, with the same words; return the corpus name."""
    text = get("stories", n_bytes).read_text("utf-8").replace(SPECIAL_TOKENS[0], "\0")
    exchanged = text.translate(str.maketrans(string.ascii_letters, SCRIPTS[script]))
    name = script.split(",")[0].lower()
    return _kept(folder / f"{name}.txt", exchanged.replace("\0", SPECIAL_TOKENS[0]).encode())
