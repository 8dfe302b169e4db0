"""Finds places where a text may be cut, so that no pretoken and no special token spans the cut."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence

import regex

from impls.patterns import PATTERNS, check_special_tokens

WINDOW_BYTES = 1 << 12
"""Bytes that the search for a safe cut reads at first; if they hold no safe cut, it reads twice as many."""

Read = Callable[[int, int], bytes]
"""Returns bytes [start, stop) of a text."""

NOT_SPACE, WORD = regex.compile(r"\S"), regex.compile(r"[\p{L}\p{N}]")


class SafeCuts:
    """Finds safe cuts: places where both parts of a text split into the same pretokens as the whole.

    The start of a special token is a safe cut. With a named pattern, the place between a character that is not
    whitespace and ASCII whitespace after it is a safe cut, too: each named pattern ends a pretoken there, and no
    named pattern looks at the text before a pretoken. There is one exception: in `gpt4` and `o200k`, a pretoken of
    punctuation includes the line ends after it, so the character before a line end must be a letter or a number. No
    special token may span a cut, since the cut could change which special tokens are found.
    """

    def __init__(self, pattern: str, special_tokens: Sequence[str]) -> None:
        """Prepare the search for candidates."""
        self._specials = [token.encode() for token in check_special_tokens(special_tokens)]
        self.margin = max([4, *map(len, self._specials)])
        self._ends_line = WORD if pattern != "gpt2" else NOT_SPACE
        candidates = [b"(?=" + re.escape(token) + b")" for token in self._specials]
        if pattern in PATTERNS:
            candidates.append(rb"(?<![ \t\r\n])(?=[ \t\r\n])")
        self._candidates = re.compile(b"|".join(candidates)) if candidates else None

    def _spanned(self, data: bytes, place: int) -> bool:
        return any(
            data.startswith(token, start)
            for token in self._specials
            for start in range(max(0, place - len(token) + 1), place)
        )

    def _is_safe(self, data: bytes, place: int) -> bool:
        return not self._spanned(data, place) and (
            any(data.startswith(token, place) for token in self._specials) or self._ends_pretoken(data, place)
        )

    def _ends_pretoken(self, data: bytes, place: int) -> bool:
        """Tell whether the character before the whitespace at `place` ends a pretoken in any surrounding text."""
        lead = place - 1
        while lead > max(0, place - 4) and data[lead] & 0xC0 == 0x80:
            lead -= 1
        try:
            before = data[lead:place].decode()
        except UnicodeDecodeError:
            return False
        return bool((self._ends_line if data[place] in b"\r\n" else NOT_SPACE).fullmatch(before))

    def first_in(self, data: bytes, start: int) -> int | None:
        """Return the first safe cut of `data` at or after `start` >= 1; None if there is none.

        The caller must check that `margin` bytes of `data` follow the cut, or that the text ends where `data` ends.
        Bytes before `start - margin` are not read.
        """
        if self._candidates is None:
            return None
        for match in self._candidates.finditer(data, max(start, 1)):
            if self._is_safe(data, match.start()):
                return match.start()
        return None

    def last_in(self, text: str) -> int | None:
        """Return the last cut of `text`, in characters, that is safe for any further text; None if there is none."""
        data = text.encode(errors="surrogatepass")
        window = 4 * self.margin + 64
        while self._candidates is not None:
            start = max(1, len(data) - window)
            for match in reversed(list(self._candidates.finditer(data, start))):
                if match.start() + self.margin <= len(data) and self._is_safe(data, match.start()):
                    return len(data[: match.start()].decode(errors="surrogatepass"))
            if start == 1:
                break
            window *= 4
        return None

    def first_after(self, read: Read, end: int, wanted: int) -> int:
        """Return the first safe cut at or after byte `wanted` of a text that ends at `end`, or else `end`."""
        window = WINDOW_BYTES
        while wanted < end:
            start = max(0, wanted - self.margin)
            stop = min(end, wanted + window + self.margin)
            place = self.first_in(read(start, stop), wanted - start)
            if place is not None and (start + place + self.margin <= stop or stop == end):
                return start + place
            wanted = max(wanted + 1, stop - self.margin)
            window *= 2
        return end

    def ranges(self, read: Read, first: int, last: int, range_bytes: int) -> Iterator[tuple[int, int]]:
        """Yield ranges of about `range_bytes`, cut at safe places, that cover bytes [first, last) of a text."""
        start = first
        while start < last:
            stop = self.first_after(read, last, start + range_bytes)
            yield start, stop
            start = stop
