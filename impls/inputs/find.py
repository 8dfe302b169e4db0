"""From what a user names to places: files, folders, globs, URIs, and `-` for standard input."""

from __future__ import annotations

import glob
import os
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

from impls.arguments import check_path
from impls.errors import FileFormatError
from impls.inputs import known_kind
from impls.inputs.places import LocalFile, Place, Remote, StandardInput, file_system, told

STANDARD_INPUT = "-"

WILD = frozenset("*?[")


def find_places(names: Iterable[str | os.PathLike[str]], tell: Callable[[str], None]) -> list[Place]:
    """Return the places that the names mean, in the order of the names; in a folder or a glob, sorted by path.

    A place that is named twice is read once, and `tell` is called with one line about it.

    Raises:
        FileFormatError: a file is missing or not a regular file, a glob has no match, a folder has no text.
    """
    found: dict[str, Place] = {}
    for name in names:
        for place in _places(name):
            if place.identity in found:
                tell(f"{place.name}: is named twice, as {found[place.identity].name} before; it is read once")
            else:
                found[place.identity] = place
    return list(found.values())


def _places(name: str | os.PathLike[str]) -> Iterator[Place]:
    text = os.fspath(check_path(name)) if not isinstance(name, str) else name
    if text == STANDARD_INPUT:
        yield StandardInput()
    elif "://" in text:
        yield from _remote(text)
    else:
        path = check_path(name)
        # Unlike methods of Path, these functions say no to a name that is too long.
        if os.path.isdir(path):  # noqa: PTH112
            yield from map(LocalFile.at, _in_folder(path))
        elif WILD.isdisjoint(text) or os.path.exists(path):  # noqa: PTH110
            yield LocalFile.at(path)
        else:
            yield from map(LocalFile.at, _matches(text))


def _in_folder(folder: Path) -> list[Path]:
    """Return the files of all kinds below a folder, sorted; hidden files and folders are left out."""
    paths = [
        Path(parent, name)
        for parent, _, names in os.walk(folder, onerror=_refuse)
        if not any(part.startswith(".") for part in Path(parent).relative_to(folder).parts)
        for name in names
        if not name.startswith(".") and known_kind(name)
    ]
    if not paths:
        raise FileFormatError(
            f"{folder}: the folder holds no .txt, .jsonl or .parquet file; give a folder with such files, or a glob "
            f"such as '{folder}/*' if the files have other names"
        )
    return sorted(paths)


def _refuse(error: OSError) -> None:
    raise FileFormatError(f"{error.filename}: {error.strerror}; give a readable folder")


def _matches(pattern: str) -> list[Path]:
    paths = sorted(path for path in map(Path, glob.glob(pattern, recursive=True)) if path.is_file())  # noqa: PTH207
    if not paths:
        raise FileFormatError(f"{pattern}: no file matches; correct the pattern, or give the name of a file")
    return paths


def _remote(uri: str) -> Iterator[Place]:
    files, inside = file_system(uri)
    with told(uri):
        if not WILD.isdisjoint(inside):
            found = files.glob(inside, detail=True)
        elif files.isdir(inside):
            found = {path: facts for path, facts in files.find(inside, detail=True).items() if known_kind(path)}
        else:
            found = {inside: files.info(inside)}
    paths = sorted(path for path, facts in found.items() if facts.get("type", "file") != "directory")
    if not paths:
        raise FileFormatError(f"{uri}: no file matches; correct the pattern, or give the name of a file")
    for path in paths:
        yield Remote.of(files.unstrip_protocol(path), files, path, found[path])
