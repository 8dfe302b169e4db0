"""The rows of digests: functions or call sites, the largest first, with paths that are the same on every machine."""

from __future__ import annotations

import os
import sysconfig
from pathlib import Path
from typing import Any

from bench.child import ROOT

Row = dict[str, Any]

TOP = 20
"""Functions and call sites that a digest keeps."""

_PREFIXES = (sysconfig.get_path("purelib"), str(ROOT), sysconfig.get_path("stdlib"))
"""Packages first: an environment may lie inside the project."""


def short_path(path: str) -> str:
    """Return a path without the folders that differ between machines."""
    for prefix in _PREFIXES:
        if path.startswith(f"{prefix}{os.sep}"):
            return path.removeprefix(f"{prefix}{os.sep}")
    return Path(path).name if os.sep in path else path


def ranked(functions: list[Row]) -> list[Row]:
    """Return the functions with the most time of their own, the most first; ties by name."""
    return sorted(functions, key=lambda row: (-row["own"], row["file"], row["line"], row["name"]))[:TOP]


def by_size(sites: list[Row]) -> list[Row]:
    """Return the largest call sites, the largest first; ties by name."""
    return sorted(sites, key=lambda row: (-row["bytes"], row["file"], row["line"], row["name"]))[:TOP]
