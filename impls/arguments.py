"""Checks of arguments that several public functions take.

The message of each error is one line that names the argument.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable
from numbers import Integral
from pathlib import Path
from typing import Any, Literal

from impls.errors import UsageError, shown
from impls.system import cores

MOST = (1 << 63) - 1
"""The largest number that arrays and system calls take."""

Errors = Literal["strict", "replace"]
"""How invalid UTF-8 is treated: "strict" raises an error that names the byte offset, "replace" gives U+FFFD."""

SpecialMode = Literal["all", "none", "none_raise"]
"""How special tokens in a text are treated: "all" gives their ids, "none" encodes them as ordinary text, "none_raise"
raises an error."""


def check_path(path: object) -> Path:
    """Return `path` as a Path if a file can have that name.

    Raises:
        UsageError: `path` is neither a string nor a Path, or no file can have that name.
    """
    if not isinstance(path, str | os.PathLike) or not isinstance(os.fspath(path), str):
        raise UsageError(f"path: {shown(path)} is not a path; give a string or a Path")
    try:
        if b"\0" in os.fsencode(path):
            raise UsageError(f"path: {shown(path)} holds a NUL character, which no file name has; give another path")
    except UnicodeEncodeError:
        raise UsageError(f"path: {shown(path)} cannot be written as a file name; give another path") from None
    return Path(path)


def check_count(name: str, value: object, minimum: int, maximum: int = MOST) -> int:
    """Return `value` as an int if it is a whole number from `minimum` to `maximum`.

    Raises:
        UsageError: `value` is something else; the message names the argument.
    """
    if isinstance(value, bool) or not isinstance(value, Integral):
        raise UsageError(f"{name}: {shown(value)} is not a whole number; give an integer of at least {minimum}")
    value = int(value)
    if value < minimum:
        raise UsageError(f"{name}: {shown(value)} is too small; give at least {minimum}")
    if value > maximum:
        raise UsageError(f"{name}: {shown(value)} is too large; give at most {maximum}")
    return value


def check_texts(texts: object) -> Iterable[Any]:
    """Return `texts` if they are a list of texts, or another iterable of texts.

    Raises:
        UsageError: `texts` is one text, or something else.
    """
    if isinstance(texts, str | bytes):
        raise UsageError(f"texts: {shown(texts)} is one string; give a list of strings, or call encode")
    if not isinstance(texts, Iterable):
        raise UsageError(f"texts: {shown(texts)} is not a list of texts; give a list of strings")
    return texts


def check_size(name: str, text: str) -> int:
    """Return a number of bytes that is written as 1000000, 512MB or 2GiB.

    Raises:
        UsageError: `text` is not such a size.
    """
    found = re.fullmatch(r"(\d{1,12})([KMG]?)(i?B?)", text.strip(), re.ASCII | re.IGNORECASE)
    if not found:
        raise UsageError(f"{name}: {shown(text)} is not a size; write 1000000, 512MB or 2GiB")
    step = 1024 if found[3].lower().startswith("i") else 1000
    power: int = " KMG".index(found[2].upper() or " ")
    return int(found[1]) * int(step**power)


def check_workers(workers: int | None) -> int:
    """Return how many threads or processes to use; `workers=None` means one per core that this process may use.

    Raises:
        UsageError: `workers` is not a whole number of at least 1.
    """
    return cores() if workers is None else check_count("workers", workers, 1)


def check_errors(errors: str) -> Errors:
    """Return `errors` if it names a known treatment of invalid UTF-8.

    Raises:
        UsageError: `errors` is neither "strict" nor "replace".
    """
    if isinstance(errors, str) and errors == "strict":
        return "strict"
    if isinstance(errors, str) and errors == "replace":
        return "replace"
    raise UsageError(f"errors: unknown value {shown(errors)}; give 'strict' or 'replace'")


def check_special(special: SpecialMode) -> SpecialMode:
    """Return `special` if it names a known treatment of special tokens.

    Raises:
        UsageError: there is no such treatment.
    """
    if not isinstance(special, str) or special not in ("all", "none", "none_raise"):
        raise UsageError(f"special: unknown mode {shown(special)}; choose one of all, none, none_raise")
    return special
