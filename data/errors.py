"""The errors of this package: one line that names the corpus and says what to do."""

from impls.errors import MergelabError


class DataError(MergelabError):
    """A corpus cannot be made or fetched, or does not hold what it should."""


class UnknownCorpusError(DataError):
    """No corpus has that name; the message lists what exists."""

    exit_status = 2
