"""The errors of this package. A message is one line that names the corpus and says what to do."""

from impls.errors import MergelabError


class DataError(MergelabError):
    """A corpus cannot be made or fetched, or its content is wrong."""


class UnknownCorpusError(DataError):
    """No corpus has this name; the message lists the names that exist."""

    exit_status = 2
