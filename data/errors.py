"""The one exception of this package: a corpus that cannot be had, and what to do about it."""


class DataError(ValueError):
    """A corpus is unknown, cannot be made or fetched, or is not what it should be; one line."""
