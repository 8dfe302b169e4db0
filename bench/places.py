"""Paths in records have only their last part: records are public, and the folders of a machine are private.

A path loses its folders if it begins with `/`, `~`, `../` or `file:`. Relative paths, as inside the project, stay.
"""

from __future__ import annotations

import re
from typing import Any

_WORD = re.compile(
    r"""(?P<before>(?:--?[\w-]+=|-\w)?['"(]?)  # an option, a quotation mark
        (?:(?P<scheme>file:(?://)?).*|(?=[/~]|\.\./).+)/
        (?P<name>[^/]+)""",
    re.DOTALL | re.VERBOSE,
)

_STOP = r"""\s'"()\[\]{}<>,;:|"""
"""Characters that end a path in a text, unless the path is quoted."""

_FOLDERS = re.compile(
    rf"""(?<=['"])(?:(?P<quoted>file:(?://)?+)[^'"\n]*|(?:~[^/'"\n]*|\.\.)?(?:/[^/'"\n]*)*)/(?=[^/'"\n]+['"])
        |(?:(?P<bare>file:(?://)?+)[^{_STOP}]*|(?<![\w.</~])(?<!https:)(?<!http:)(?<!file:)(?:~\w*|\.\.)?(?:/[^/{_STOP}]*)*)/
        (?=[^/{_STOP}])""",
    re.VERBOSE,
)


def without_folder(word: str) -> str:
    """Return a word of a command line; if the word is a path, which may have spaces, return its last part."""
    found = _WORD.fullmatch(word)
    return f"{found['before']}{found['scheme'] or ''}{found['name']}" if found else word


def without_folders(text: str) -> str:
    """Return a text in which only the last part of each path is left. A path with spaces must stand in quotes."""
    return _FOLDERS.sub(lambda found: found["quoted"] or found["bare"] or "", text)


def as_line(error: object) -> str:
    """Return the message of an error as a record keeps it: one line, with paths without their folders."""
    return " ".join(without_folders(str(error)).split())


def portable(value: Any) -> Any:
    """Return a JSON value after `without_folders` has been applied to all strings in it, keys included."""
    if isinstance(value, str):
        return without_folders(value)
    if isinstance(value, dict):
        return {portable(key): portable(item) for key, item in value.items()}
    return list(map(portable, value)) if isinstance(value, list | tuple) else value
