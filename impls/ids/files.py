"""Opening files of ids in any format, one or many; ids of another tokenizer are refused."""

from __future__ import annotations

import glob
import os
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import numpy as np

from impls.arguments import check_path
from impls.errors import FileFormatError
from impls.ids import FORMATS, find, sidecar
from impls.ids.layout import Layout
from impls.inputs.file import TextFile

HEAD_BYTES = 1024

COMPANIONS = (".json", ".idx")
"""Suffixes of files that lie beside the files of ids; a pattern such as `shards/*` leaves them out."""


def open_ids(path: str | os.PathLike[str], dtype: np.dtype[Any], fingerprint: Callable[[], str]) -> Layout:
    """Open a file of ids: its sidecar tells the format, or else its first bytes do.

    Args:
        path: the file; of a Megatron data set, the `.bin` or the `.idx`.
        dtype: the type of bare ids without a sidecar.
        fingerprint: returns the fingerprint of the tokenizer that will read the ids; called if there is a sidecar.

    Raises:
        FileFormatError: the file is missing, empty or damaged, or another tokenizer made the ids.
    """
    path = check_path(path)
    file = TextFile.open(path.with_suffix(".bin") if path.suffix == ".idx" else path)
    known = sidecar.read(file.path)
    if known is None:
        head = file.read(0, min(file.n_bytes, HEAD_BYTES))
        # Any file may be bare ids, so this format comes last.
        row = next(row for row in reversed(FORMATS) if row.load().recognise(file.path, head))
        return _laid_out(row.load(), file, dtype)
    if known["tokenizer"] != (own := fingerprint()):
        raise FileFormatError(
            f"{path}: holds ids of another tokenizer ({str(known['tokenizer'])[:12]}) than this one ({own[:12]}); "
            "give the tokenizer that made the ids"
        )
    found = _laid_out(find(known["kind"]).load(), file, np.dtype(known["dtype"]))
    if found.n_ids != known["ids"]:
        raise FileFormatError(
            f"{path}: holds {found.n_ids} ids, but {sidecar.path_of(file.path).name} says {known['ids']}; "
            "restore the file, or encode the text again"
        )
    return found


def _laid_out(module: Any, file: TextFile, dtype: np.dtype[Any]) -> Layout:
    layout: Layout = module.layout(file, dtype)
    return layout


def expand(words: Iterable[str | os.PathLike[str]]) -> list[Path]:
    """Return the files that the words name; a word may be a pattern, such as `shards/train-*.bin`.

    The files of a pattern are sorted by name.

    Raises:
        FileFormatError: no file fits a pattern.
    """
    paths: list[Path] = []
    for word in words:
        path = check_path(word)
        if path.exists() or not glob.has_magic(str(path)):
            paths.append(path)
            continue
        found = sorted(Path(name) for name in glob.glob(str(path)))  # noqa: PTH207 (a pattern may be absolute)
        if not (found := [place for place in found if place.suffix not in COMPANIONS]):
            raise FileFormatError(f"{path}: no file fits this pattern; name the files")
        paths += found
    return paths
