"""The exceptions of this package: a corpus that cannot be had, and what to do about it."""


class DataError(ValueError):
    """A corpus cannot be made or fetched, or is not what it should be; one line."""

    exit_status = 1


class UnknownCorpusError(DataError):
    """No corpus has that name; the message lists what exists."""

    exit_status = 2
