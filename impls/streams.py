"""A stream of strings, cut into texts that can be encoded one after the other."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from impls.cuts import SafeCuts
from impls.errors import UsageError, shown

STREAM_CHARACTERS = 1 << 14
"""How many characters are gathered before a cut is searched."""


def cut_stream(parts: Iterable[str], cuts: SafeCuts) -> Iterator[str]:
    """Yield the joined text of a stream in pieces of about `STREAM_CHARACTERS`, cut at safe places.

    A safe cut is usually the end of a word. Text without a safe cut is gathered until a safe cut is found.
    """
    if not isinstance(parts, Iterable):
        raise UsageError(f"iterable: {shown(parts)} is not a stream of strings; give a file or a list of strings")
    waiting: list[str] = []
    size, wanted = 0, STREAM_CHARACTERS
    for part in parts:
        if not isinstance(part, str):
            raise UsageError(f"iterable: {shown(part)} is not a string; open files as text")
        waiting.append(part)
        size += len(part)
        if size < wanted:
            continue
        text = "".join(waiting)
        place = cuts.last_in(text)
        if place is None:  # Look again when there is twice as much text.
            waiting, wanted = [text], 2 * size
            continue
        yield text[:place]
        waiting, size, wanted = [text[place:]], size - place, STREAM_CHARACTERS
    yield "".join(waiting)
