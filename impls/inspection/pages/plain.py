"""Figures as plain values for JSON."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from typing import Any


def plain(value: Any) -> Any:
    """Return figures as dicts, lists, strings and numbers.

    Bytes become a dict: "hex" holds the bytes in hexadecimal, "text" holds them decoded, with U+FFFD in place of
    invalid UTF-8.
    """
    if is_dataclass(value):
        return {field.name: plain(getattr(value, field.name)) for field in fields(value)}
    if isinstance(value, bytes):
        return {"hex": value.hex(), "text": value.decode("utf-8", "replace")}
    if isinstance(value, Mapping):
        return {str(key): plain(one) for key, one in value.items()}
    if isinstance(value, list | tuple):
        return [plain(one) for one in value]
    return value
