"""Corpora by name, made, fetched and checked on demand (`get`)."""

from data.catalogue import get, names
from data.errors import DataError

__all__ = ["DataError", "get", "names"]
