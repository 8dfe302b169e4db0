"""Documents written as sources of every kind, each in every compression."""

from __future__ import annotations

import bz2
import gzip
import json
import lzma
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest

from impls.counting import Counted, count_inputs
from impls.inputs.collection import open_inputs
from tests.support import oracle

SEPARATOR = "<|endoftext|>"


def zstd(data: bytes) -> bytes:
    compressed: bytes = pytest.importorskip("pyarrow").compress(data, "zstd", asbytes=True)
    return compressed


COMPRESS: dict[str, Callable[[bytes], bytes]] = {
    "": bytes,
    ".gz": gzip.compress,
    ".xz": lzma.compress,
    ".bz2": bz2.compress,
    ".zst": zstd,
}


def json_lines(documents: Sequence[str], field: str = "text") -> bytes:
    rows = [{"id": number, field: text, "more": {"x": [number]}} for number, text in enumerate(documents)]
    return "".join(json.dumps(row, ensure_ascii=number % 2 == 0) + "\n" for number, row in enumerate(rows)).encode()


def parquet(documents: Sequence[str], field: str = "text", **options: Any) -> bytes:
    pyarrow = pytest.importorskip("pyarrow")
    from pyarrow import parquet

    sink = pyarrow.BufferOutputStream()
    table = pyarrow.table({"id": list(range(len(documents))), field: pyarrow.array(documents, pyarrow.string())})
    parquet.write_table(table, sink, **({"row_group_size": 3} | options))
    content: bytes = sink.getvalue().to_pybytes()
    return content


CONTENT: dict[str, Callable[[Sequence[str]], bytes]] = {
    ".jsonl": json_lines,
    ".parquet": parquet,
    ".txt": lambda documents: SEPARATOR.join(documents).encode(),
}
"""How documents are written; text is read with `separator=SEPARATOR`."""


def write(folder: Path, name: str, documents: Sequence[str]) -> Path:
    """Write documents to a file; the suffixes of its name tell the kind and the compression."""
    path = folder / name
    kind = next(suffix for suffix in CONTENT if suffix in name)
    compression = next(suffix for suffix in reversed(COMPRESS) if name.endswith(suffix))
    path.write_bytes(COMPRESS[compression](CONTENT[kind](documents)))
    return path


def expected(documents: Sequence[str], special_tokens: Sequence[str] = ()) -> dict[bytes, int]:
    """Counts of the documents, each split by itself, by the oracle."""
    counts: Counter[bytes] = Counter()
    for document in documents:
        pieces = [document]
        for token in sorted(special_tokens, key=len, reverse=True):
            pieces = [part for piece in pieces for part in piece.split(token)]
        counts.update(word.encode() for piece in pieces for word in oracle.split(piece))
    return dict(counts)


def counted(
    inputs: Any, special_tokens: Sequence[str] = (), workers: int = 2, counter: str = "", **options: Any
) -> Counted:
    """Count with the product."""
    opened = open_inputs(inputs, **options)
    return count_inputs(opened, pattern="gpt2", special_tokens=special_tokens, workers=workers, counter=counter)
