"""Sources that cannot be read: one line that names file and place, or, on request, a list of what is left out."""

from __future__ import annotations

import gzip
import json
import re
import sys
import tracemalloc
from pathlib import Path
from typing import Any

import pytest

from impls import FileFormatError, UsageError
from impls.counting import Counted
from impls.inputs import block
from impls.inputs.collection import open_inputs
from impls.pipeline import train
from tests.support.sources import COMPRESS, counted, expected, json_lines, parquet, write

pytest.importorskip("pyarrow")

GOOD = ["the cat", "sat on", "the mat " * 9, "and ate"]


def lines(*rows: bytes) -> bytes:
    return b"\n".join(rows) + b"\n"


def row(text: Any, field: str = "text") -> bytes:
    return json.dumps({field: text}).encode()


BAD_LINES = {
    "not-json": b"nope",
    "no-field": row("x", "body"),
    "number": row(5),
    "null": row(None),
    "list": b'["text"]',
    "string": b'"text"',
    "cut-off": b'{"text": "the',
    "two-objects": row("a") + row("b"),
    "lone-surrogate": rb'{"text": "\ud800"}',
    "control-character": b'{"text": "a\tb"}',
    "invalid-escape": rb'{"text": "\q"}',
    "trailing": row("a") + b" junk",
    "deep": b'{"text": ' + b"[" * 100_000,
    "zero-byte": b"\0",
}


@pytest.mark.parametrize("suffix", ["", ".gz", ".zst"])
@pytest.mark.parametrize("name", BAD_LINES)
def test_a_bad_json_line_is_named_or_left_out(name: str, suffix: str, tmp_path: Path, patch_small: None) -> None:
    del patch_small
    path = tmp_path / f"a.jsonl{suffix}"
    content = lines(row(GOOD[0]), b"", row(GOOD[1]), BAD_LINES[name], row(GOOD[2]), BAD_LINES[name], row(GOOD[3]))
    path.write_bytes(COMPRESS[suffix](content))
    with pytest.raises(FileFormatError, match=rf"{path.name}: line 4: is not a JSON object with a string"):
        counted(path)
    told: list[str] = []
    found = counted(path, on_error="skip", tell=told.append)
    assert found.pretokens.to_mapping() == expected(GOOD)
    assert (found.n_documents, found.n_left_out) == (4, 2)
    assert [re.search(r"line \d+", line)[0] for line in told] == ["line 4", "line 6"]  # type: ignore[index]
    assert all(line.startswith(f"left out: {path}") for line in told)


@pytest.fixture(params=[1 << 22, 50])
def patch_small(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(block, "BLOCK_BYTES", request.param)


def test_mixed_encodings_are_named_by_line_and_byte(tmp_path: Path, patch_small: None) -> None:
    del patch_small
    path = tmp_path / "a.jsonl"
    bad = '{"text": "na\u00efve"}'.encode("latin-1")
    path.write_bytes(lines(row(GOOD[0]), row(GOOD[1]), bad, row(GOOD[2]), row(GOOD[3])))
    offset = path.read_bytes().index(b"\xef")
    with pytest.raises(FileFormatError, match=rf"a\.jsonl: line 3: invalid UTF-8 at byte {offset};"):
        counted(path)
    told: list[str] = []
    assert counted(path, on_error="skip", tell=told.append).pretokens.to_mapping() == expected(GOOD)
    assert told == [f"left out: {path}: line 3: invalid UTF-8 at byte {offset}"]
    replaced = counted(path, errors="replace").pretokens.to_mapping()
    assert replaced == expected([*GOOD, "na\ufffdve"])


def test_lone_surrogates_are_replaced_on_request(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    path.write_bytes(lines(row("a"), rb'{"text": "b\ud83d c"}'))
    found = counted(path, errors="replace").pretokens.to_mapping()
    assert found == expected(["a", "b\ufffd\ufffd\ufffd c"])


def test_bad_rows_of_parquet(tmp_path: Path, patch_small: None) -> None:
    import pyarrow
    from pyarrow import parquet as files

    del patch_small
    texts = [text.encode() for text in GOOD]
    for bad in (None, b"na\xefve"):
        path = tmp_path / "a.parquet"
        column = pyarrow.array([*texts[:2], bad, *texts[2:]], pyarrow.binary())
        files.write_table(pyarrow.table({"text": column}), path)
        fault = "holds no UTF-8 text" if bad is None else "invalid UTF-8 at byte 2 of the row"
        with pytest.raises(FileFormatError, match=rf"a\.parquet: row 2: {fault}"):
            counted(path)
        told: list[str] = []
        assert counted(path, on_error="skip", tell=told.append).pretokens.to_mapping() == expected(GOOD)
        assert told == [f"left out: {path}: row 2: holds no UTF-8 text"]
    assert counted(path, errors="replace").pretokens.to_mapping() == expected([*GOOD, "na\ufffdve"])


@pytest.mark.parametrize("damage", ["cut", "flip", "other"])
@pytest.mark.parametrize("suffix", [suffix for suffix in COMPRESS if suffix])
def test_damaged_compressed_files_are_named(suffix: str, damage: str, tmp_path: Path) -> None:
    documents = [f"{number * 7919 % 10007} cats" for number in range(3000)]
    path = write(tmp_path, f"a.jsonl{suffix}", documents)
    data = bytearray(path.read_bytes())
    middle = len(data) // 2
    if damage == "flip":
        data[middle : middle + 8] = bytes(byte ^ 0xFF for byte in data[middle : middle + 8])
    path.write_bytes({"cut": data[:middle], "flip": data, "other": b"the cat sat on the mat"}[damage])
    write(tmp_path, "b.jsonl", GOOD)
    with pytest.raises(FileFormatError, match=r"a\.jsonl.*the compressed data is damaged or cut off after \d+ bytes"):
        counted(path)
    told: list[str] = []
    found = counted(tmp_path, on_error="skip", tell=told.append)
    assert found.n_documents >= len(GOOD)
    assert any("the compressed data is damaged" in line for line in told)


def fails(inputs: Any, message: str, **options: Any) -> None:
    with pytest.raises((FileFormatError, UsageError)) as caught:
        counted(inputs, **options)
    assert re.search(message, str(caught.value)), caught.value
    assert "\n" not in str(caught.value)


def test_bad_names(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("empty").mkdir()
    Path("nothing.jsonl").write_bytes(b"")
    Path("blank.jsonl").write_bytes(b"\n\n")
    Path("a.parquet").write_bytes(parquet(GOOD, "body"))
    Path("text.parquet").write_bytes(b"the cat")
    fails("empty", "empty: the folder holds no .txt, .jsonl or .parquet file; give")
    fails("*.jsonl.zst", r"\*.jsonl.zst: no file matches")
    fails("no.jsonl", r"no.jsonl: No such file or directory")
    fails("nothing.jsonl", "nothing.jsonl: the file is empty")
    fails("blank.jsonl", "blank.jsonl: no text was found")
    fails([], "inputs: the list is empty")
    fails(iter([]), "strings: no text was found")
    fails(5, "path: 5 is not a path")
    fails(["a.parquet", 5], "path: 5 is not a path")
    fails("a.parquet", r"a.parquet: has no column 'text'; its columns are id, body; give one of them with --field")
    fails("a.parquet", r"a.parquet: the column 'id' holds int64, not text", field="id")
    fails("text.parquet", r"text.parquet: is not a Parquet file, or is damaged")
    fails("nosuch://bucket/x", "nosuch://bucket/x: .*nosuch")
    fails("memory://nothing/x.jsonl", "memory://nothing/x.jsonl: .*x.jsonl")
    fails("memory://nothing/*.jsonl", "no file matches")
    fails(iter(["a", 5]), "strings: number 1 is 5, not a string")
    fails(iter(["a", "b\ud800"]), "strings: number 1: a lone surrogate at character 1")
    fails("a.parquet", "kind: unknown kind of input 'csv'; choose one of text, lines, jsonl, parquet", kind="csv")
    fails("a.parquet", "on_error: unknown value 'ignore'", on_error="ignore")
    fails("a.parquet", "limit_documents: 0 is too small", limit_documents=0)
    fails("a.parquet", "field: 5 is not a string", field=5)
    Path("a.txt").write_text("the cat")
    fails("a.txt", "a.txt: a limit of documents needs documents: give --separator", limit_documents=3)


@pytest.mark.parametrize("package", ["pyarrow", "fsspec"])
def test_a_missing_package_is_named_with_its_extra(
    package: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    names: list[Any] = [write(tmp_path, name, GOOD) for name in ("a.parquet", "a.jsonl.zst")]
    monkeypatch.setitem(sys.modules, package, None)
    for name in ["memory://x"] if package == "fsspec" else names:
        fails(name, rf"the package {package} is missing; install mergelab with the extra `inputs`")


def test_an_s3_address_without_its_package_says_what_to_install() -> None:
    pytest.importorskip("fsspec")
    if "s3fs" in sys.modules:
        pytest.skip("s3fs is installed")
    fails("s3://bucket/x.jsonl", r"s3://bucket/x.jsonl: .*s3fs")


def test_a_file_that_changes_meanwhile_is_an_error(tmp_path: Path) -> None:
    path = write(tmp_path, "a.jsonl", GOOD)
    inputs = open_inputs(path)
    path.write_bytes(json_lines([*GOOD, "more"]))
    fails(inputs, r"a\.jsonl: was changed while it was read; read it again")


@pytest.mark.parametrize("content", [b"x" * 1000, b"\0" * 1000])
def test_text_without_a_place_to_cut_stays_bounded(
    content: bytes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(block, "MAX_DOCUMENT_BYTES", 1 << 22)
    monkeypatch.setattr(block, "BLOCK_BYTES", 1 << 20)
    with gzip.open(tmp_path / "a.txt.gz", "wb") as file:
        for _ in range(200_000):
            file.write(content)
    assert (tmp_path / "a.txt.gz").stat().st_size < 1_000_000
    tracemalloc.start()
    try:
        fails(tmp_path / "a.txt.gz", r"a.txt.gz: \d+ bytes after byte 0 have no place to cut, such as a space")
        (tmp_path / "a.txt.gz").rename(tmp_path / "a.jsonl.gz")
        fails(tmp_path / "a.jsonl.gz", r"a.jsonl.gz: \d+ bytes after byte 0 have no line end")
        assert tracemalloc.get_traced_memory()[1] < 40_000_000
    finally:
        tracemalloc.stop()


def test_bad_counts_are_refused() -> None:
    for counts, message in [
        ({b"": 1}, "the pretoken b'' is not text"),
        ({5: 1}, "the pretoken 5 is not text"),
        ({b"a": 0}, "counts of b'a': 0 is too small"),
        ({"\ud800": 1}, "has no UTF-8 form"),
        ({b"a": "x"}, "is not a whole number"),
    ]:
        with pytest.raises(UsageError, match=message):
            train(counts, 300)  # type: ignore[arg-type]
    counted_before = Counted(counted(iter(GOOD)).pretokens, "gpt4", ("<s>",))
    with pytest.raises(UsageError, match="pattern: 'o200k' is given, but the counts were made with 'gpt4'"):
        train(counted_before, 300, pattern="o200k")
    with pytest.raises(UsageError, match="the counts were made with"):
        train(counted_before, 300, ["<pad>"])
    assert train(counted_before, 262).special_tokens == {"<s>": 261}
