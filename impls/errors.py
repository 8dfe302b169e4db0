"""Every error that a caller can cause. Its message is one line that names the fault and says what to do."""

from __future__ import annotations

MOST_CHARACTERS = 600
"""The most characters of a message: a huge argument is not repeated whole."""


class MergelabError(ValueError):
    """Base of all errors below; the command line prints the error as one line and exits with `exit_status`."""

    exit_status = 1

    def __init__(self, message: str = "") -> None:
        """Take a message; the middle of a long message is cut out."""
        if len(message) > MOST_CHARACTERS:
            message = f"{message[: MOST_CHARACTERS - 200]} ... {message[-195:]}"
        super().__init__(message)


class UsageError(MergelabError):
    """The value of an argument is wrong: a size, a name, a special token."""

    exit_status = 2


class MissingByteError(UsageError):
    """A text holds a byte that has no token in the vocabulary."""


class FileFormatError(MergelabError):
    """A file is missing, empty or unreadable, or its content is wrong."""


class InvalidUtf8Error(FileFormatError):
    """A text holds bytes that are not UTF-8.

    Attributes:
        offset: offset in the source, in bytes, of the first invalid byte.
    """

    def __init__(self, source: str, offset: int) -> None:
        """Name the text (`source`) and the `offset` of its first invalid byte."""
        super().__init__(
            f"{source}: invalid UTF-8 at byte {offset}; repair the text, or read invalid bytes as U+FFFD with "
            "errors='replace' (--errors replace)"
        )
        self.source = source
        self.offset = offset

    def __reduce__(self) -> tuple[type[InvalidUtf8Error], tuple[str, int]]:
        """Pickle the arguments, so that a worker process can send the error back."""
        return type(self), (self.source, self.offset)


def shown(value: object) -> str:
    """Return how a message shows an argument: its `repr` in one line, cut if it is long."""
    try:
        text = " ".join(repr(value).split())
    except Exception:  # Python refuses to write integers of more than 4,300 digits.
        text = f"a {type(value).__name__}"
    return text if len(text) <= 80 else f"{text[:60]} ... {text[-15:]}"
