"""The files of a folder before, after and without a fault, and what must be true of them."""

from __future__ import annotations

import io
import json
import re
import zipfile
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

Files = Mapping[str, bytes]
"""Path below a folder -> content."""

_TEMPORARY = re.compile(r"(^|/)\.[^/]+\.tmp(/|$)|\.part$|(^|/)\.mergelab\.(lock|\d+)$")
"""Names of files that a killed process may leave: unfinished files and marks, downloads that go on, and locks."""

TIMES = ("seconds", "tokens_per_second")
"""Fields of a row of metrics that differ from run to run."""


def files_below(folder: Path) -> dict[str, bytes]:
    """Return the content of all files below a folder, by path; a file that is removed meanwhile is left out."""
    found = {}
    for path in sorted(folder.rglob("*")):
        try:
            if path.is_file():
                found[str(path.relative_to(folder))] = path.read_bytes()
        except OSError:
            continue
    return found


def state(folder: Path) -> frozenset[tuple[str, int, int]]:
    """Return path, size and time of change of each file below a folder; two states differ if a file has changed."""
    found = set()
    for path in folder.rglob("*"):
        try:
            stat = path.stat()
        except OSError:
            continue
        found.add((str(path), stat.st_size, stat.st_mtime_ns))
    return frozenset(found)


def is_temporary(name: str) -> bool:
    """Tell whether a name belongs to a file that only an unfinished process has."""
    return bool(_TEMPORARY.search(name))


def _json_lines(content: bytes) -> None:
    for line in content.decode().splitlines(keepends=True):
        json.loads(line)
        if not line.endswith("\n"):
            raise ValueError("the last line has no end of line")


def _ends_with(end: bytes) -> Callable[[bytes], object]:
    def check(content: bytes) -> None:
        if content and not content.endswith(end):
            raise ValueError(f"does not end with {end!r}")

    return check


def _zipped(path: Path) -> None:
    with zipfile.ZipFile(path) as file:
        if file.testzip() is not None:
            raise ValueError("a part of it is damaged")


_WHOLE: dict[str, Callable[[bytes], object]] = {
    ".json": json.loads,
    ".jsonl": _json_lines,
    ".csv": _ends_with(b"\n"),
    ".svg": _ends_with(b"</svg>\n"),
}
"""Suffix -> raises ValueError for half a file."""


def is_whole(path: Path) -> bool:
    """Tell whether a file is complete, judged by its format; a file of an unknown format counts as incomplete."""
    try:
        if path.suffix == ".pt":
            _zipped(path)
        else:
            _WHOLE[path.suffix](path.read_bytes())
    except (KeyError, ValueError, OSError, zipfile.BadZipFile):
        return False
    return True


def faults_midway(folder: Path, before: Files, whole: Files) -> Iterator[str]:
    """Yield the broken promises about the files of a folder right after a fault.

    Args:
        folder: the folder to check.
        before: the files of the folder when the work began.
        whole: the files of the folder after undisturbed work.
    """
    now = files_below(folder)
    for name in before:
        if name not in now and name in whole:
            yield f"{name} was there before and is gone"
    for name, content in now.items():
        allowed = [files[name] for files in (before, whole) if name in files]
        if content in allowed or is_temporary(name):
            continue
        if name in before and name in whole and before[name] == whole[name]:
            yield f"{name} was there before and is changed"
        elif not is_whole(folder / name):
            yield f"{name} has its final name but is half written"


def faults_at_the_end(folder: Path, whole: Files) -> Iterator[str]:
    """Yield the differences from the files of undisturbed work; unfinished files of a killed process may stay."""
    now = files_below(folder)
    for name in sorted(now.keys() | whole.keys()):
        if is_temporary(name):
            continue
        if name not in whole:
            yield f"{name} is left over"
        elif name not in now:
            yield f"{name} is missing at the end"
        elif without_times(name, now[name]) != without_times(name, whole[name]):
            yield f"{name} differs from undisturbed work"


def leftovers(folder: Path, before: Files) -> Iterator[str]:
    """Yield the unfinished files that a process left although it ended by itself; downloads and locks may stay."""
    for name in files_below(folder):
        if is_temporary(name) and not name.endswith((".part", ".lock")) and name not in before:
            yield f"{name} is left over"


def without_times(name: str, content: bytes) -> object:
    """Return the part of a file's content that is the same in every run: metrics without times and rates."""
    path = Path(name)
    if path.suffix == ".pt":
        return _values(content)
    if path.suffix == ".csv":
        return None  # The .jsonl beside it has the same rows.
    if path.suffix != ".jsonl":
        return content
    rows = [json.loads(line) for line in content.splitlines()]
    return [{key: value for key, value in row.items() if key not in TIMES} for row in rows]


def _values(checkpoint: bytes) -> object:
    """Return all values of a checkpoint. Files with equal values may differ, if only one of them shares objects."""
    import torch

    def plain(value: object) -> object:
        if isinstance(value, torch.Tensor):
            return (
                str(value.dtype),
                tuple(value.shape),
                value.contiguous().flatten().view(torch.uint8).numpy().tobytes(),
            )
        if isinstance(value, dict):
            return {key: plain(one) for key, one in value.items()}
        return [plain(one) for one in value] if isinstance(value, list | tuple) else value

    return plain(torch.load(io.BytesIO(checkpoint), weights_only=True))
