"""Paths as records have them: the last part alone. Records are public, and the folders of a machine are private.

Such a path begins with `/`, `~`, `../` or `file:`. Paths inside the project are relative and stay as they are.
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
"""What ends a path in a text, unless the path is quoted."""

_FOLDERS = re.compile(
    rf"""(?<=['"])(?:(?P<quoted>file:(?://)?+)[^'"\n]*|(?:~[^/'"\n]*|\.\.)?(?:/[^/'"\n]*)*)/(?=[^/'"\n]+['"])
        |(?:(?P<bare>file:(?://)?+)[^{_STOP}]*|(?<![\w.</~])(?<!https:)(?<!http:)(?<!file:)(?:~\w*|\.\.)?(?:/[^/{_STOP}]*)*)/
        (?=[^/{_STOP}])""",
    re.VERBOSE,
)


def without_folder(word: str) -> str:
    """Return a word of a command line, which may be a path with spaces; of such a path, the last part."""
    found = _WORD.fullmatch(word)
    return f"{found['before']}{found['scheme'] or ''}{found['name']}" if found else word


def without_folders(text: str) -> str:
    """Return a text; of each path in it, the last part. A path with spaces is known where it stands in quotes."""
    return _FOLDERS.sub(lambda found: found["quoted"] or found["bare"] or "", text)


def as_line(error: object) -> str:
    """Return the message of an error as a record keeps it: one line, with paths without their folders."""
    return " ".join(without_folders(str(error)).split())


def portable(value: Any) -> Any:
    """Return a value of JSON with all texts in it, keys too, as `without_folders` has them."""
    if isinstance(value, str):
        return without_folders(value)
    if isinstance(value, dict):
        return {portable(key): portable(item) for key, item in value.items()}
    return list(map(portable, value)) if isinstance(value, list | tuple) else value
