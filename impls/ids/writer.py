"""Writing files of ids as a stream: each file gets its header, index and sidecar at the end, and then its name."""

from __future__ import annotations

import re
from array import array
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from impls.contract import Ids
from impls.errors import FileFormatError, UsageError
from impls.ids import IdFormat, sidecar
from impls.storage import atomic_writer

Places = NDArray[np.int64]
"""int64[n], rising: the places in an array of ids after which a document ends."""

MOST_FILES = 400
"""Shards are open until the end of the job, and the system limits how many files may be open."""

NOWHERE: Places = np.empty(0, np.int64)


class IdFile:
    """One file of ids that is being written.

    Attributes:
        path: the file.
        n_ids: how many ids were written.
    """

    def __init__(self, path: Path, row: IdFormat, dtype: np.dtype[Any], stack: ExitStack) -> None:
        """Begin a file; when `stack` is closed, the file gets its name."""
        self.path, self.n_ids = path, 0
        self._row, self._module, self._stack = row, row.load(), stack
        self._dtype: np.dtype[Any] = self._module.disk_dtype(dtype)
        self._documents, self._begun = 0, 0  # Finished documents, and ids of the unfinished one.
        self._lengths = array("q")  # Ids of each finished document, for the index.
        self._n_bytes = 0
        self._file = stack.enter_context(atomic_writer(path))
        self._file.write(self._module.header(0, self._dtype))

    def write(self, ids: Ids, ends: Places, n_bytes: int) -> None:
        """Append ids, which stand for `n_bytes` of text."""
        self._file.write(ids.astype(self._dtype, copy=False).data)
        self.n_ids += len(ids)
        self._n_bytes += n_bytes
        if self._row.index:
            self._lengths.frombytes(np.diff(ends, prepend=-self._begun).astype(np.int64).tobytes())
        self._documents += len(ends)
        self._begun = len(ids) - int(ends[-1]) if len(ends) else self._begun + len(ids)

    def finish(self, facts: dict[str, Any]) -> dict[str, Any]:
        """Write header, index and sidecar; return the fields of the sidecar.

        Raises:
            FileFormatError: the header or the index cannot hold a number, or the disk is full.
        """
        if self._begun:
            self._lengths.append(self._begun)
        self._file.seek(0)
        self._file.write(self._module.header(self.n_ids, self._dtype))
        if self._row.index:
            index = self._stack.enter_context(atomic_writer(self.path.with_suffix(self._row.index)))
            index.write(self._module.index(self._lengths, self._dtype))
        documents = self._documents + bool(self._begun)
        counts = {"ids": self.n_ids, "bytes": self._n_bytes, "documents": documents}
        values = {"kind": self._row.name, "dtype": self._dtype.name, **counts, **facts}
        # What is entered last gets its name first: even after a kill, the sidecar says that the files are ours.
        self._stack.enter_context(atomic_writer(sidecar.path_of(self.path))).write(sidecar.content(values))
        return values


class Output:
    """Ids that go to one file, or to several files of a fixed number of ids."""

    def __init__(
        self, path: Path, row: IdFormat, sizes: NDArray[np.int64], dtype: np.dtype[Any], shard_ids: int | None
    ) -> None:
        """Make no file yet.

        Args:
            path: the file; with `shard_ids`, the name of each file also gets a number.
            row: the format.
            sizes: int64[vocabulary], how many bytes of text each id stands for.
            dtype: the type of the ids.
            shard_ids: ids per file; None for one file.
        """
        self.path = path
        self._row, self._sizes, self._dtype, self._shard_ids = row, sizes, dtype, shard_ids
        self._files: list[IdFile] = []
        self._replaced: list[Path] = []

    def begin(self, stack: ExitStack) -> None:
        """Begin the first file; when `stack` is closed, all files get their names."""
        self._stack = stack
        self._next()

    def _next(self) -> None:
        if len(self._files) == MOST_FILES:
            raise UsageError(
                f"--shard-tokens: {self._shard_ids} makes more than {MOST_FILES} files; give more tokens"
            )
        path = self.path if self._shard_ids is None else shard_path(self.path, len(self._files))
        self._files.append(IdFile(path, self._row, self._dtype, self._stack))

    def write(self, ids: Ids, ends: Places = NOWHERE, n_bytes: int | None = None) -> None:
        """Append ids; a document ends after each place in `ends`; `n_bytes`: of the text, if known."""
        while self._shard_ids is not None and self._files[-1].n_ids + len(ids) > self._shard_ids:
            room = self._shard_ids - self._files[-1].n_ids
            self._append(ids[:room], ends[ends <= room])
            ids, ends = ids[room:], ends[ends > room] - room
            self._next()
            n_bytes = None
        self._append(ids, ends, n_bytes)

    def _append(self, ids: Ids, ends: Places, n_bytes: int | None = None) -> None:
        self._files[-1].write(ids, ends, int(self._sizes[ids].sum()) if n_bytes is None else n_bytes)

    @property
    def n_ids(self) -> int:
        """How many ids were written."""
        return sum(file.n_ids for file in self._files)

    def finish(self, facts: dict[str, Any]) -> list[tuple[Path, dict[str, Any]]]:
        """Finish all files; return the path of each, with the fields of its sidecar."""
        shards = None if self._shard_ids is None else len(self._files)
        return [
            (file.path, file.finish(facts | {"shard": None if shards is None else number, "shards": shards}))
            for number, file in enumerate(self._files)
        ]

    def check_replaceable(self, force: bool) -> None:
        """Check that nothing is replaced but ids of ours, and these only with `force`.

        Raises:
            FileFormatError: a file exists that may not be replaced.
        """
        self._replaced = self._existing()
        for path in self._replaced:
            if not sidecar.is_ours(path):
                place = sidecar.path_of(path).name
                raise FileFormatError(
                    f"{path}: exists, and no {place} says that mergelab wrote it; give another --out"
                )
            if not force:
                raise FileFormatError(f"{path}: exists; give another --out, or --force to replace it")

    def remove_stale(self) -> None:
        """Remove the shards of an earlier run that this run did not replace."""
        for path in set(self._replaced) - {file.path for file in self._files}:
            for place in self._all_of(path):
                place.unlink(missing_ok=True)

    def _existing(self) -> list[Path]:
        """Return the files of ids of which any part exists; all shards of the same name belong to them."""
        if self._shard_ids is None:
            return [self.path] if any(path.exists() for path in self._all_of(self.path)) else []
        name = re.compile(rf"{re.escape(self.path.stem)}-(\d{{6,}}){re.escape(self.path.suffix)}(\.json)?", re.ASCII)
        found = (name.fullmatch(path.name) for path in self.path.parent.glob("*"))
        return [shard_path(self.path, number) for number in sorted({int(match[1]) for match in found if match})]

    def _all_of(self, path: Path) -> list[Path]:
        index = [path.with_suffix(self._row.index)] if self._row.index else []
        return [path, *index, sidecar.path_of(path)]


def shard_path(path: Path, number: int) -> Path:
    """Return the path of a shard: `corpus-000003.bin` for `corpus.bin`."""
    return path.with_name(f"{path.stem}-{number:06d}{path.suffix}")
