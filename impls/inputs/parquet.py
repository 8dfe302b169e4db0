"""Parquet: each row of one column is a document. Pyarrow reads the column; no Python object is made per document."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Any, NoReturn

from impls.errors import FileFormatError
from impls.inputs import block, compression_of
from impls.inputs.block import Loaded, Reading, load_joined
from impls.inputs.compressed import opened
from impls.inputs.json_lines import join_array
from impls.inputs.places import INSTALL, Place


def blocks(place: Place, reading: Reading, pattern: str, special_tokens: Sequence[str]) -> Iterator[ParquetBlock]:
    """Yield blocks of rows. See `inputs.block.Block`.

    Raises:
        FileFormatError: pyarrow is missing, the file is damaged, or the column is missing or holds no text.
    """
    del pattern, special_tokens
    try:
        import pyarrow
        from pyarrow import parquet
    except ImportError:
        raise FileFormatError(f"{place.name}: the package pyarrow is missing; {INSTALL}") from None
    with ExitStack() as stack:
        try:
            file = stack.enter_context(parquet.ParquetFile(_seekable(place, stack), memory_map=bool(place.path)))
            _check_column(place.name, file, reading.field)
            row = 0
            for batch in file.iter_batches(_rows_per_block(file, reading.field), columns=[reading.field]):
                position = int((row + len(batch)) * (place.n_bytes or 0) / max(file.metadata.num_rows, 1))
                yield ParquetBlock(place.name, batch.column(0), row, position, reading)
                row += len(batch)
        except (pyarrow.ArrowException, OSError, ValueError) as error:
            if isinstance(error, FileFormatError):
                raise
            raise FileFormatError(
                f"{place.name}: is not a Parquet file, or is damaged ({' '.join(str(error).split())}); get it again"
            ) from None


def _seekable(place: Place, stack: ExitStack) -> Any:
    """Return a path or a file that can be read at any place; a compressed file is decompressed to a temporary one."""
    if place.path is not None and not compression_of(place.name):
        return place.path
    if place.n_bytes is not None and not compression_of(place.name):
        return stack.enter_context(place.open())
    file = stack.enter_context(tempfile.TemporaryFile())  # noqa: SIM115
    with opened(place) as stream:
        shutil.copyfileobj(stream, file, block.BLOCK_BYTES)
    return file


def _check_column(name: str, file: Any, field: str) -> None:
    from pyarrow import types

    names = file.schema_arrow.names
    if field not in names:
        raise FileFormatError(
            f"{name}: has no column {field!r}; its columns are {', '.join(names)}; give one of them with --field"
        )
    kind = file.schema_arrow.field(field).type
    kind = kind.value_type if types.is_dictionary(kind) else kind
    texts = (types.is_string, types.is_large_string, types.is_string_view, types.is_binary, types.is_large_binary)
    if not any(is_text(kind) for is_text in texts):
        raise FileFormatError(f"{name}: the column {field!r} holds {kind}, not text; give another one with --field")


def _rows_per_block(file: Any, field: str) -> int:
    """Return how many rows hold about `BLOCK_BYTES` of text; at most 65,536."""
    column = file.schema_arrow.names.index(field)
    groups = [file.metadata.row_group(number) for number in range(file.metadata.num_row_groups)]
    # A file without nested columns stores one column per name; else the first columns only give an estimate.
    sizes = [group.column(min(column, group.num_columns - 1)).total_uncompressed_size for group in groups]
    per_row = sum(sizes) / max(file.metadata.num_rows, 1)
    return max(1, min(int(block.BLOCK_BYTES / max(per_row, 1)), 1 << 16))


@dataclass(frozen=True)
class ParquetBlock:
    """Some rows of a column. See `inputs.block.Block`.

    Attributes:
        name: the name of the source.
        texts: the rows, a pyarrow array.
        row: the number of the first row; the first row of a file is row 0.
        position: how many bytes of the source were read until the end of this block, by the share of the rows.
        reading: how the text is read.
    """

    name: str
    texts: Any
    row: int
    position: int
    reading: Reading

    @property
    def n_bytes(self) -> int:
        """Number of bytes of the rows."""
        return int(self.texts.nbytes)

    def load(self, special_tokens: Sequence[str], most: int | None = None) -> Loaded:
        """Join the rows."""
        texts, left_out = self._cast(), []
        for row in self._faults(texts):
            fault = f"{self.name}: row {row + self.row}: holds no UTF-8 text"
            if not self.reading.skip:
                raise FileFormatError(f"{fault}; correct the row, or leave such rows out with --on-error skip")
            left_out.append(fault)
        if left_out:
            import pyarrow

            wrong = set(self._faults(texts))
            texts = texts.filter(pyarrow.array([row not in wrong for row in range(len(texts))]))
        texts = texts[:most]
        return load_joined(
            self.name,
            lambda separator: join_array(texts, separator),
            len(texts),
            special_tokens,
            self.reading.errors,
            left_out,
            self._explain,
        )

    def _cast(self) -> Any:
        import pyarrow

        is_dictionary = pyarrow.types.is_dictionary(self.texts.type)
        return (self.texts.dictionary_decode() if is_dictionary else self.texts).cast(pyarrow.binary())

    def _faults(self, texts: Any) -> list[int]:
        """Return the rows that are null; also the rows that are not UTF-8, if they may be left out."""
        check = self.reading.skip and self.reading.errors == "strict"
        if not texts.null_count and not (check and not _is_utf8(texts)):
            return []
        return [row for row, text in enumerate(texts.to_pylist()) if text is None or (check and not _decodes(text))]

    def _explain(self) -> NoReturn:
        for row, text in enumerate(self._cast().to_pylist(), self.row):
            if not _decodes(text):
                raise FileFormatError(
                    f"{self.name}: row {row}: invalid UTF-8 at byte {_first_fault(text)} of the row; repair the "
                    "text, or read invalid bytes as U+FFFD with --errors replace"
                )
        raise FileFormatError(f"{self.name}: row {self.row} or later: invalid UTF-8; repair the text")


def _is_utf8(texts: Any) -> bool:
    return _decodes(join_array(texts.drop_null(), b"\n"))


def _decodes(text: bytes) -> bool:
    return _first_fault(text) < 0


def _first_fault(text: bytes) -> int:
    """Return the offset of the first byte that is not UTF-8, or -1."""
    try:
        text.decode()
    except UnicodeDecodeError as error:
        return error.start
    return -1
