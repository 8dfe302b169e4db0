"""Writes all files of a new implementation; if one of the files cannot be written, no file is changed."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from pathlib import Path

from bench.child import ROOT
from bench.code import module_of
from bench.template import texts
from bench.template.request import Request
from impls import FileFormatError
from impls.storage import atomic_writer

TOUCHED: Mapping[str, tuple[Callable[[str, Request], str], str]] = {
    "impls/registry.py": (texts.registry, "its row: say its idea in one line"),
    "reports/ideas.toml": (texts.ideas, "what it removes, and what bounds it"),
    "TOUR.md": (texts.tour, "its step in the tour"),
    "data/workloads.toml": (texts.workloads, "its parent's skips; remove those of workloads that it can finish"),
}
"""File -> the function that adds the new implementation, and the task that is left to the author."""


def changes(request: Request) -> dict[str, tuple[str, str]]:
    """Return the new content of each file that changes, with the author's task there; the module comes last.

    Raises:
        FileFormatError: a file cannot be read.
        MergelabError: a file has no entry for the parent.
    """
    found = {}
    for name, (change, advice) in TOUCHED.items():
        old = _read(name)
        if (new := change(old, request)) != old:
            found[name] = (new, advice)
    old = _read(module_of(request.parent))
    return {**found, module_of(request.row()): (texts.module(old, request), "the code: work here")}


def _read(name: str) -> str:
    try:
        return (ROOT / name).read_text("utf-8")
    except OSError as error:
        raise FileFormatError(f"{ROOT / name}: {error.strerror}; nothing was written") from None


def write(contents: Mapping[str, str]) -> None:
    """Write all files under temporary names, then rename them all, the last file first.

    The module is the last file. So the registry never names a module that does not exist.

    Raises:
        FileFormatError: a file or its folder cannot be written; then no file is changed.
    """
    paths = {ROOT / name: content for name, content in contents.items()}
    for path in paths:
        _check_writable(path)
    with ExitStack() as stack:
        for path, content in paths.items():
            stack.enter_context(atomic_writer(path)).write(content.encode())


def _check_writable(path: Path) -> None:
    """Refuse a file that is protected against writing; a rename would replace it all the same."""
    if path.exists() and not os.access(path, os.W_OK):
        raise FileFormatError(f"{path}: Permission denied; nothing was written")
