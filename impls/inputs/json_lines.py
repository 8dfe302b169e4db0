"""JSON lines: each line is an object with the text of a document in one of its fields.

Blocks of whole lines are parsed by pyarrow, which makes no Python object per document. A block in which pyarrow finds
a fault is parsed again line by line, to name the line or to leave it out. Without pyarrow, all lines are parsed so.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any, NoReturn

from impls.errors import FileFormatError
from impls.inputs.block import Loaded, Reading, load_joined
from impls.inputs.pieces import Piece, separated_pieces
from impls.inputs.places import Place

MARK = b"\xef\xbb\xbf"
"""The byte order mark that some programs write before the first line."""

BLANK = b" \t\r\n"


def blocks(place: Place, reading: Reading, pattern: str, special_tokens: Sequence[str]) -> Iterator[JsonBlock]:
    """Yield blocks of whole lines. See `inputs.block.Block`."""
    del pattern, special_tokens
    for piece in separated_pieces(place, b"\n", "line end"):
        yield JsonBlock(place.name, piece, reading)


def parse_line(line: bytes, field: str, errors: str = "strict") -> bytes:
    """Return the text of one line, the string in `field`, as bytes; bytes that are not UTF-8 are kept as they are.

    Raises:
        ValueError: the line is not JSON, or its text has no UTF-8 form.
        KeyError, TypeError, AttributeError, RecursionError: the line is not an object with a string in `field`.
    """
    text = json.loads(line.decode("utf-8", "surrogateescape"))[field]
    try:
        coded: bytes = text.encode("utf-8", "surrogateescape")
    except UnicodeEncodeError:
        if errors == "strict":
            raise
        coded = text.encode("utf-8", "surrogatepass")  # Invalid bytes, which are read as U+FFFD.
    return coded


FAULTS = (ValueError, KeyError, TypeError, AttributeError, RecursionError)


@dataclass(frozen=True)
class JsonBlock:
    """Some lines of a source. See `inputs.block.Block`.

    Attributes:
        name: the name of the source.
        piece: the bytes of the lines.
        reading: how the lines are read.
    """

    name: str
    piece: Piece
    reading: Reading

    @property
    def position(self) -> int:
        """How many bytes of the source, as it is stored, were read until the end of this block."""
        return self.piece.position

    @property
    def n_bytes(self) -> int:
        """Number of bytes of the lines."""
        return self.piece.n_bytes

    def load(self, special_tokens: Sequence[str], most: int | None = None) -> Loaded:
        """Parse the lines."""
        texts = parser()(self.piece.data, self.reading.field)
        if texts is not None:
            texts = texts[:most]
            loaded = self._joined(lambda separator: join_array(texts, separator), len(texts), special_tokens)
            if not self.reading.skip or self.reading.errors == "replace" or _is_utf8(loaded):
                return loaded
        documents, left_out = self._one_by_one(most)
        return self._joined(lambda separator: separator.join(documents), len(documents), special_tokens, left_out)

    def _joined(
        self,
        join: Callable[[bytes], bytes],
        n: int,
        special_tokens: Sequence[str],
        left_out: Sequence[str] = (),
    ) -> Loaded:
        return load_joined(self.name, join, n, special_tokens, self.reading.errors, left_out, self._explain)

    def _one_by_one(self, most: int | None) -> tuple[list[bytes], list[str]]:
        """Return the texts of the lines, and what was left out."""
        documents: list[bytes] = []
        left_out: list[str] = []
        start = 0
        for number, line in enumerate(self._lines(), self.piece.line):
            if len(documents) == most:
                break
            if line.strip(BLANK):
                self._take(number, start, line, documents, left_out)
            start += len(line)
        return documents, left_out

    def _lines(self) -> list[bytes]:
        return [line + b"\n" for line in self.piece.data.split(b"\n")]

    def _take(self, number: int, start: int, line: bytes, documents: list[bytes], left_out: list[str]) -> None:
        where = f"{self.name}: line {number}"
        try:
            text = parse_line(
                line.removeprefix(MARK) if number == 1 else line, self.reading.field, self.reading.errors
            )
            if self.reading.errors == "strict":
                text.decode()
            documents.append(text)
        except UnicodeDecodeError:
            fault = f"{where}: invalid UTF-8 at byte {self.piece.start + start + _first_fault(line)}"
            self._fail(fault, "repair the text, or read invalid bytes as U+FFFD with --errors replace", left_out)
        except FAULTS:
            fault = f"{where}: is not a JSON object with a string in the field {self.reading.field!r}"
            self._fail(
                fault, "correct the line, give --field, or leave such lines out with --on-error skip", left_out
            )

    def _fail(self, fault: str, advice: str, left_out: list[str]) -> None:
        if not self.reading.skip:
            raise FileFormatError(f"{fault}; {advice}")
        left_out.append(fault)

    def _explain(self) -> NoReturn:
        self._one_by_one(None)
        raise FileFormatError(f"{self.name}: line {self.piece.line} or later: invalid UTF-8; repair the text")


def _is_utf8(loaded: Loaded) -> bool:
    try:
        loaded.text.text(loaded.text.start, loaded.text.stop)
    except FileFormatError:
        return False
    return True


def _first_fault(line: bytes) -> int:
    try:
        line.decode()
    except UnicodeDecodeError as error:
        return error.start
    return 0


@cache
def parser() -> Callable[[bytes, str], Any]:
    """Return a function that parses lines, and returns the texts as a pyarrow array, or None if there is a fault."""
    try:
        import pyarrow
        from pyarrow import json as arrow_json
    except ImportError:
        return lambda *_: None

    def parse(data: bytes, field: str) -> Any:
        schema = pyarrow.schema([(field, pyarrow.string())])
        options = arrow_json.ParseOptions(explicit_schema=schema, unexpected_field_behavior="ignore")
        read = arrow_json.ReadOptions(use_threads=False, block_size=len(data) + 1)
        try:
            column = arrow_json.read_json(pyarrow.BufferReader(data), read, options).column(field)
        except (pyarrow.ArrowException, ValueError):
            return None
        # Pyarrow takes several objects in a line, or one in several lines, and passes over blank lines.
        as_lines = len(column) == data.count(b"\n") + (not data.endswith(b"\n")) or len(column) == _n_lines(data)
        return column.combine_chunks() if as_lines and not column.null_count else None

    return parse


def _n_lines(data: bytes) -> int:
    return sum(1 for line in data.split(b"\n") if line.strip(BLANK))


def join_array(texts: Any, separator: bytes) -> bytes:
    """Join the strings of a pyarrow array without a Python object per string."""
    import pyarrow
    from pyarrow import compute

    offsets = pyarrow.array([0, len(texts)], pyarrow.int32())
    whole = pyarrow.ListArray.from_arrays(offsets, texts.cast(pyarrow.binary()))
    joined: bytes = compute.binary_join(whole, separator)[0].as_buffer().to_pybytes()
    return joined
