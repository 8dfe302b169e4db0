"""A stream of strings as texts that can be encoded one after the other."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from impls.cuts import SafeCuts

STREAM_CHARACTERS = 1 << 14
"""How much text is gathered before it is handed on."""


def cut_stream(parts: Iterable[str], cuts: SafeCuts) -> Iterator[str]:
    """Yield the joined text of a stream in pieces of about `STREAM_CHARACTERS`, cut at safe places.

    Where the text offers no safe cut (as a rule, the end of a word), it is gathered until one comes.
    """
    waiting: list[str] = []
    size, wanted = 0, STREAM_CHARACTERS
    for part in parts:
        waiting.append(part)
        size += len(part)
        if size < wanted:
            continue
        text = "".join(waiting)
        place = cuts.last_in(text)
        if place is None:  # Look again when there is twice as much.
            waiting, wanted = [text], 2 * size
            continue
        yield text[:place]
        waiting, size, wanted = [text[place:]], size - place, STREAM_CHARACTERS
    yield "".join(waiting)
