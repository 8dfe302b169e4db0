"""Every error that a caller can cause: one line that names the offender and says what to do."""

from __future__ import annotations


class MergelabError(ValueError):
    """Base of all errors below; the command line prints the error as one line and exits with `exit_status`."""

    exit_status = 1


class UsageError(MergelabError):
    """An argument is wrong in itself: a size, a name, a special token."""

    exit_status = 2


class FileFormatError(MergelabError):
    """A file is missing, empty or unreadable, or its content is wrong."""


class InvalidUtf8Error(FileFormatError):
    """A text holds bytes that are not UTF-8.

    Attributes:
        offset: position in bytes of the first invalid byte.
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
