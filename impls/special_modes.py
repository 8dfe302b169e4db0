"""A text to encode, as a caller gives it: checked, with the chosen treatment of special tokens, as UTF-8."""

from __future__ import annotations

from impls.arguments import SpecialMode, check_special
from impls.errors import UsageError
from impls.inputs.text import decode_utf8
from impls.patterns import Splitter

ALL: SpecialMode = "all"


def checked_text(text: str | bytes, special: SpecialMode, splitter: Splitter) -> bytes:
    """Return a text as bytes, which are UTF-8 if they were a string.

    Raises:
        UsageError: `text` is neither a string nor bytes, it has a lone surrogate, `special` is unknown, or the text
            holds a special token and `special` is "none_raise".
    """
    if not isinstance(text, str | bytes):
        raise UsageError(f"text: {type(text).__name__} is neither a string nor bytes; give one of the two")
    if check_special(special) == "none_raise":
        text = text if isinstance(text, str) else decode_utf8(text, "text")
        if len(segments := splitter.segments(text)) > 1:
            raise UsageError(f"text: holds the special token {segments[1]!r}; encode with special='all' or 'none'")
    return text if isinstance(text, bytes) else utf8(text)


def utf8(text: str) -> bytes:
    """Return a string as UTF-8.

    Raises:
        UsageError: it has a lone surrogate.
    """
    try:
        return text.encode()
    except UnicodeEncodeError as error:
        raise UsageError(
            f"text: lone surrogate {text[error.start]!r} at character {error.start} has no UTF-8 form; remove it"
        ) from None
