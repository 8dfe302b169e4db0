"""What is measured on: corpora by name, made, fetched and checked on demand (`get`).

The names below are imported when they are first asked for.
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
