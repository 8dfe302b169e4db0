"""Encoding of sources: the ids of each document by itself, the boundary between two documents, in order."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from impls import FileFormatError, Tokenizer, UsageError
from impls.__main__ import main
from impls.inputs import block
from impls.inputs.collection import open_inputs
from impls.jobs.encode_inputs import Encoded, encode_inputs
from impls.pipeline import train
from tests.support.sources import SEPARATOR, write

DOCUMENTS = [
    "It's the cat",
    " that ate",
    "",
    "the\n\n",
    "a \x1e b",
    f"one {SEPARATOR}two",
    "naïve 語 12",
    "the end",
] * 3
DEFINITION = train(iter(DOCUMENTS), 300, [SEPARATOR])
TOKENIZER = Tokenizer.from_definition(DEFINITION)


@pytest.fixture(autouse=True)
def small_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(block, "BLOCK_BYTES", 40)


def encoded(inputs: object, boundary: str = "", errors: str = "strict", **options: object) -> list[Encoded]:
    opened = open_inputs(inputs, boundary=boundary, errors=errors)  # type: ignore[arg-type]
    return list(encode_inputs(DEFINITION, opened, **options))  # type: ignore[arg-type]


@pytest.mark.parametrize("boundary", ["", SEPARATOR, "\n\n"])
@pytest.mark.parametrize("special", ["all", "none"])
@pytest.mark.parametrize("impl", ["jit", "cached"])
def test_each_document_is_encoded_by_itself(boundary: str, special: str, impl: str, tmp_path: Path) -> None:
    wanted: list[int] = []
    for number, document in enumerate(DOCUMENTS):
        wanted += TOKENIZER.encode(boundary) if number else []
        wanted += TOKENIZER.encode(document, special=special)  # type: ignore[arg-type]
    names = ("a.jsonl", "b.parquet", "c.jsonl.xz")
    paths = [write(tmp_path, name, DOCUMENTS[8 * n : 8 * n + 8]) for n, name in enumerate(names)]
    for source in (paths, iter(DOCUMENTS)):
        blocks = encoded(source, boundary, special=special, impl=impl, workers=2)
        ids = np.concatenate([each.ids for each in blocks])
        assert ids.dtype == DEFINITION.id_dtype
        assert ids.tolist() == wanted
        assert b"".join(each.content for each in blocks) == boundary.join(DOCUMENTS).encode()
        assert sum(each.n_documents for each in blocks) == len(DOCUMENTS)


def test_texts_are_encoded_as_one_document_each(tmp_path: Path) -> None:
    text = "It's the cat that ate.\n\nthe end " * 30
    paths = [tmp_path / "a.txt", tmp_path / "b.txt"]
    for path in paths:
        path.write_text(text)
    ids = np.concatenate([each.ids for each in encoded(paths, SEPARATOR)]).tolist()
    assert ids == [*TOKENIZER.encode(text), *TOKENIZER.encode(SEPARATOR), *TOKENIZER.encode(text)]


def test_faults_are_named(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_bytes(b"the cat " * 20 + b"\xff sat")
    with pytest.raises(FileFormatError, match=r"a\.txt: invalid UTF-8 at byte 160"):
        encoded(tmp_path / "a.txt")
    replaced = np.concatenate([each.ids for each in encoded(tmp_path / "a.txt", errors="replace")])
    assert replaced.tolist() == TOKENIZER.encode("the cat " * 20 + "\ufffd sat")
    (tmp_path / "b.jsonl").write_bytes(b'{"text": "a"}\n{"text": "\xff"}\n')
    with pytest.raises(FileFormatError, match=r"b\.jsonl: line 2: invalid UTF-8 at byte 24"):
        encoded(tmp_path / "b.jsonl")
    with pytest.raises(UsageError, match="holds a special token"):
        encoded(iter(DOCUMENTS), special="none_raise")
    with pytest.raises(UsageError, match="special: unknown mode 'some'"):
        encoded(iter(DOCUMENTS), special="some")
    with pytest.raises(FileFormatError, match="strings: no text was found"):
        encoded(iter(["", ""]))


def test_the_command_encodes_all_sources(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    TOKENIZER.save("tok")
    write(tmp_path, "a.jsonl", DOCUMENTS)
    Path("b.jsonl").write_bytes(b"nope\n")
    command = ["encode", "tok", "a.jsonl", "b.jsonl", "--boundary", SEPARATOR, "--out", "ids.bin"]
    assert main(command) == 1
    assert capsys.readouterr().err.startswith("python -m impls: error: b.jsonl: line 1: is not a JSON object")
    assert not Path("ids.bin").exists()
    assert main([*command, "--on-error", "skip"]) == 0
    assert "left out: b.jsonl: line 1" in capsys.readouterr().err
    assert TOKENIZER.decode(TOKENIZER.read_ids("ids.bin")) == SEPARATOR.join(DOCUMENTS)
    assert main(["encode", "tok", "a.jsonl", "--out", "a.jsonl"]) == 1
    assert "is the same file as the input" in capsys.readouterr().err
