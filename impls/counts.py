"""Files of counts: Parquet with zstd, the pretokens sorted as bytes, and what they were counted from.

A file has two columns, `pretoken` (binary) and `count` (int64). Its metadata has, under the key `mergelab.counts`, a
JSON object with the version of the format, the split pattern, the special tokens, and the sources with their digests.
"""

from __future__ import annotations

import json
import os
from bisect import bisect_right
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np

from impls.arguments import check_path
from impls.contract import Pretokens
from impls.counting import Counted
from impls.errors import FileFormatError, UsageError
from impls.inputs.places import INSTALL
from impls.patterns import check_special_tokens, compile_pattern

VERSION = 1

KEY = b"mergelab.counts"

ROWS = 1 << 15
"""Rows of a row group: as much of each file is in memory while files are merged."""


def arrow() -> tuple[Any, Any, Any]:
    """Import and return pyarrow, its module `compute` and its module `parquet`.

    Raises:
        FileFormatError: pyarrow is not installed.
    """
    try:
        import pyarrow
        from pyarrow import compute, parquet
    except ImportError:
        raise FileFormatError(f"counts: the package pyarrow is missing; {INSTALL}") from None
    return pyarrow, compute, parquet


def sorted_batch(pretokens: Pretokens) -> Any:
    """Return pretokens with counts as a pyarrow record batch, sorted by the bytes of the pretokens."""
    pa, compute, _ = arrow()
    buffers = [None, pa.py_buffer(pretokens.offsets), pa.py_buffer(np.ascontiguousarray(pretokens.bytes_))]
    names = pa.LargeBinaryArray.from_buffers(pa.large_binary(), len(pretokens), buffers)
    order = compute.sort_indices(names)
    columns = [names.take(order), pa.array(pretokens.counts).take(order)]
    return pa.record_batch(columns, ["pretoken", "count"])


def write_batches(file: BinaryIO, batches: Iterator[Any], facts: dict[str, Any] | None = None) -> int:
    """Write sorted record batches to a file; return the number of rows.

    Args:
        file: open for writing.
        batches: record batches with the columns `pretoken` and `count`.
        facts: the metadata; None for a part of counts that is merged later.
    """
    pa, _, parquet = arrow()
    schema = pa.schema([("pretoken", pa.binary()), ("count", pa.int64())])
    if facts is not None:
        schema = schema.with_metadata({KEY: json.dumps({"version": VERSION} | facts).encode()})
    encodings = {"pretoken": "DELTA_BYTE_ARRAY", "count": "DELTA_BINARY_PACKED"}
    options = {"use_dictionary": False, "column_encoding": encodings, "write_page_checksum": True}
    rows, waiting = 0, schema.empty_table()
    with parquet.ParquetWriter(file, schema, compression="zstd", **options) as writer:
        for batch in batches:
            rows += len(batch)
            waiting = pa.concat_tables([waiting, pa.Table.from_batches([batch]).cast(schema)])
            # Row groups of equal size: the same counts make the same file, however they were merged.
            whole = len(waiting) - len(waiting) % ROWS
            if whole:
                writer.write_table(waiting[:whole].combine_chunks(), row_group_size=ROWS)
                waiting = waiting[whole:]
        writer.write_table(waiting.combine_chunks(), row_group_size=ROWS)
    return rows


class _Run:
    """One sorted file that is merged: the rows that are in memory and not merged yet."""

    def __init__(self, path: Path) -> None:
        _, _, parquet = arrow()
        self._batches = parquet.ParquetFile(path, page_checksum_verification=True).iter_batches(ROWS)
        self.keys: Any = ()
        self.counts: Any = ()
        self.advance(0)

    def advance(self, n: int) -> None:
        """Drop the first `n` rows, and read more if none is left."""
        if n < len(self.keys):
            self.keys, self.counts = self.keys[n:], self.counts[n:]
            return
        batch = next(self._batches, None)
        self.keys, self.counts = (batch.column(0), batch.column(1).to_numpy()) if batch is not None else ((), ())

    def up_to(self, bound: bytes) -> int:
        """Return how many rows in memory have pretokens up to `bound`."""
        return bisect_right(self.keys, bound, key=lambda key: key.as_py())


def merged(paths: Sequence[Path]) -> Iterator[Any]:
    """Merge sorted files, and add up the counts of equal pretokens; yield sorted record batches.

    Memory holds `ROWS` rows of each file, whatever the size of the files.
    """
    pa, compute, _ = arrow()
    runs = [run for run in map(_Run, paths) if len(run.keys)]
    while runs:
        # All rows up to the smallest last pretoken are in memory.
        bound = min(run.keys[-1].as_py() for run in runs)
        keys, counts = [], []
        for run in runs:
            if n := run.up_to(bound):
                keys.append(run.keys[:n])
                counts.append(run.counts[:n])
                run.advance(n)
        names = pa.concat_arrays(keys)
        order = compute.sort_indices(names)
        names, numbers = names.take(order), np.concatenate(counts)[order.to_numpy()]
        is_first = np.ones(len(names), np.bool_)
        is_first[1:] = compute.not_equal(names[1:], names[:-1]).to_numpy(zero_copy_only=False)
        first = np.flatnonzero(is_first)
        columns = [names.take(pa.array(first)), pa.array(np.add.reduceat(numbers, first))]
        yield pa.record_batch(columns, ["pretoken", "count"])
        runs = [run for run in runs if len(run.keys)]


@contextmanager
def _readable(path: Path) -> Iterator[None]:
    """Turn the errors of pyarrow about a file of counts into one line."""
    pa, _, _ = arrow()
    try:
        yield
    except (pa.ArrowException, OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        if isinstance(error, FileFormatError):
            raise
        why = " ".join(str(getattr(error, "strerror", None) or error).split())
        raise FileFormatError(f"{path}: is not a file of counts, or is damaged ({why}); count again") from None


def read_counts(path: str | os.PathLike[str]) -> Counted:
    """Read a file of counts.

    Raises:
        FileFormatError: the file is missing, damaged, or not a file of counts, or pyarrow is missing.
    """
    path = check_path(path)
    _, _, parquet = arrow()
    with _readable(path):
        if not path.is_file():
            raise FileFormatError(f"{path}: there is no such file; make it with the command count")
        file = parquet.ParquetFile(path, page_checksum_verification=True)
        metadata = file.schema_arrow.metadata or {}
        if KEY not in metadata:
            raise FileFormatError(f"{path}: holds no counts; make a file of counts with the command count")
        facts = json.loads(metadata[KEY])
        if facts["version"] != VERSION:
            raise FileFormatError(f"{path}: has version {facts['version']}, not {VERSION}; count again")
        pretokens = _pretokens(file, path)
        pattern, special_tokens = facts["pattern"], _checked(path, facts["pattern"], facts["special_tokens"])
        numbers = (int(facts[name]) for name in ("bytes", "documents", "left_out"))
        return Counted(pretokens, pattern, special_tokens, *numbers)


def is_counts(path: Path) -> bool:
    """Tell whether a file looks like a file of counts."""
    pa, _, parquet = arrow()
    try:
        return path.is_file() and KEY in (parquet.read_schema(path).metadata or {})
    except (pa.ArrowException, OSError, ValueError):
        return False


def _checked(path: Path, pattern: str, special_tokens: list[str]) -> tuple[str, ...]:
    try:
        compile_pattern(pattern)
        return tuple(check_special_tokens(special_tokens))
    except UsageError as error:
        raise FileFormatError(f"{path}: {error}") from None


def _pretokens(file: Any, path: Path) -> Pretokens:
    parts, lengths, counts = [np.empty(0, np.uint8)], [np.zeros(1, np.int64)], [np.empty(0, np.int64)]
    pa, _, _ = arrow()
    if [file.schema_arrow.field(name).type for name in ("pretoken", "count")] != [pa.binary(), pa.int64()]:
        raise FileFormatError(f"{path}: its columns do not hold bytes and counts; count again")
    for batch in file.iter_batches(ROWS, columns=["pretoken", "count"]):
        names = batch.column(0)
        offsets = np.frombuffer(names.buffers()[1], np.int32)[names.offset :][: len(names) + 1]
        parts.append(np.frombuffer(names.buffers()[2], np.uint8)[offsets[0] : offsets[-1]])
        lengths.append(np.diff(offsets).astype(np.int64))
        counts.append(batch.column(1).to_numpy())
        if batch.column(0).null_count or lengths[-1].min() < 1 or counts[-1].min() < 1:
            raise FileFormatError(f"{path}: holds an empty pretoken or a count below 1; count again")
    return Pretokens(np.concatenate(parts), np.cumsum(np.concatenate(lengths)), np.concatenate(counts))
