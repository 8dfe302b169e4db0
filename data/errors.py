"""The exceptions of this package: a corpus that cannot be had, and what to do about it."""

from impls.errors import MergelabError


class DataError(MergelabError):
    """A corpus cannot be made or fetched, or is not what it should be; one line."""


class UnknownCorpusError(DataError):
    """No corpus has that name; the message lists what exists."""

    exit_status = 2
