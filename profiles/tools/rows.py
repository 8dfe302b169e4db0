"""The rows of digests: functions or call sites, the largest first."""

from __future__ import annotations

from typing import Any

Row = dict[str, Any]

TOP = 20
"""Functions and call sites that a digest keeps."""


def ranked(functions: list[Row]) -> list[Row]:
    """Return the functions with the most time of their own, the most first; ties by name."""
    return sorted(functions, key=lambda row: (-row["own"], row["file"], row["line"], row["name"]))[:TOP]


def by_size(sites: list[Row]) -> list[Row]:
    """Return the largest call sites, the largest first; ties by name."""
    return sorted(sites, key=lambda row: (-row["bytes"], row["file"], row["line"], row["name"]))[:TOP]
