"""Records the calls of a piece of work with Python's own profiler. Profiles and trials share this code."""

from __future__ import annotations

import cProfile
import os
import pstats
import sysconfig
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from bench.child import ROOT

Stats = dict[tuple[str, int, str], tuple[int, int, float, float, Any]]
"""(file, line, name) -> (calls without recursion, calls, own seconds, cumulative seconds, callers)."""

_PREFIXES = (sysconfig.get_path("purelib"), str(ROOT), sysconfig.get_path("stdlib"))
"""The folder of installed packages comes before the project, since it may lie inside the project."""


@contextmanager
def recorded() -> Iterator[cProfile.Profile]:
    """Record the calls of the block."""
    profiler = cProfile.Profile()
    profiler.enable()
    try:
        yield profiler
    finally:
        profiler.disable()


def stats_in(source: str | cProfile.Profile) -> Stats:
    """Return the functions that were called, from a raw file or a profiler."""
    stats: Stats = pstats.Stats(source).stats  # type: ignore[attr-defined]
    return stats


def short_path(path: str) -> str:
    """Return a path without the folders that differ from machine to machine."""
    for prefix in _PREFIXES:
        if path.startswith(f"{prefix}{os.sep}"):
            return path.removeprefix(f"{prefix}{os.sep}")
    return Path(path).name if os.sep in path else path
