"""Documents of a file, one at a time, wherever the blocks that are read end."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from impls import FileFormatError
from impls.inputs import documents
from impls.inputs.documents import contains, json_lines, separated


@given(content=st.text("ab<>|", max_size=60).map(str.encode), block=st.integers(1, 12))
@pytest.mark.parametrize("separator", [b"<|>", b"aab", b"|"])
def test_a_file_is_split_as_bytes_are(
    separator: bytes, content: bytes, block: int, tmp_path_factory: pytest.TempPathFactory
) -> None:
    path = tmp_path_factory.getbasetemp() / "documents.txt"
    path.write_bytes(content)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(documents, "BLOCK_BYTES", block)
        assert list(separated(path, separator)) == content.split(separator)
        assert contains(path, separator) == (separator in content)


def test_lines_give_their_field(tmp_path: Path) -> None:
    path = tmp_path / "texts.jsonl"
    path.write_text("\n".join(json.dumps({"body": text}) for text in ("naïve", "", "two\nlines")))
    assert list(json_lines(path, "body")) == ["naïve".encode(), b"", b"two\nlines"]


@pytest.mark.parametrize("line", ["{", "[]", "5", "{}", '{"body": 5}', '{"body": null}', '{"body": "\\ud800"}'])
def test_a_line_without_a_text_is_named(line: str, tmp_path: Path) -> None:
    path = tmp_path / "texts.jsonl"
    path.write_text('{"body": "fine"}\n' + line)
    with pytest.raises(FileFormatError, match=r"texts\.jsonl: line 2: .*'body'"):
        list(json_lines(path, "body"))
