"""Corpora, the texts that are measured on: `get` returns a corpus by name, and makes or fetches it if needed.

Each name below is imported on its first use.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from data.catalogue import get, names
    from data.errors import DataError

__all__ = ["DataError", "get", "names"]


def __getattr__(name: str) -> Any:
    """Import a public name (PEP 562)."""
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module("data.errors" if name == "DataError" else "data.catalogue"), name)
