"""Work in parts: counts of parts add up, and a job that is interrupted anywhere ends with the same files."""

from __future__ import annotations

import io
from contextlib import suppress
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from impls import FileFormatError, InvalidUtf8Error, Tokenizer
from impls.contract import Pretokens
from impls.inputs.file import TextFile
from impls.jobs import encode as jobs
from impls.jobs.encode import ShardedEncoding
from impls.pipeline import train
from impls.registry import Impl, implementations

END = "<|endoftext|>"
TEXT = f"It's the cat that ate the hat; naïve cats — 12 of 345.\n\n  {END}The end of the day.\n" * 40


@pytest.fixture
def text(tmp_path: Path) -> TextFile:
    path = tmp_path / "text.txt"
    path.write_bytes(TEXT.encode())
    return TextFile.open(path)


@pytest.fixture
def tokenizer(text: TextFile) -> Tokenizer:
    return Tokenizer.from_definition(train(text.path, 300, [END]), impl="cached")


@pytest.mark.kernel
@pytest.mark.parametrize("row", implementations("count"), ids=lambda row: row.name)
@pytest.mark.parametrize("range_bytes", [1, 100, 1000])
def test_counts_of_parts_add_up_to_the_whole(row: Impl, range_bytes: int, text: TextFile) -> None:
    def count(part: TextFile) -> Pretokens:
        counted: Pretokens = row.load()(part, pattern="gpt2", special_tokens=[END], workers=1)
        return counted

    ranges = list(text.ranges("gpt2", [END], range_bytes))
    few = ranges[:: max(1, len(ranges) // 4)]
    bounds = [start for start, _ in few] + [text.stop]
    parts = [text.part(start, stop) for start, stop in pairwise(bounds)]
    assert Pretokens.added(map(count, parts)) == count(text)
    assert Pretokens.added(map(count, reversed(parts))) == count(text)


@given(st.lists(st.dictionaries(st.binary(min_size=1, max_size=3), st.integers(1, 2**40), max_size=5), max_size=4))
def test_adding_is_adding_of_mappings(counts: list[dict[bytes, int]]) -> None:
    expected: dict[bytes, int] = {}
    for part in counts:
        for pretoken, number in part.items():
            expected[pretoken] = expected.get(pretoken, 0) + number
    assert Pretokens.added(map(Pretokens.from_mapping, counts)).to_mapping() == expected


def test_a_part_names_the_place_in_the_file(text: TextFile) -> None:
    data = text.path.read_bytes()
    text.path.write_bytes(data[:200] + b"\xff" + data[201:])
    part = TextFile.open(text.path).part(150, 250)
    assert (part.n_bytes, part.start, part.stop) == (100, 150, 250)
    for row in implementations("count"):
        with pytest.raises(InvalidUtf8Error, match="byte 200"):
            row.load()(part, pattern="gpt2", special_tokens=[], workers=1)


def encoded(folder: Path, tokenizer: Tokenizer, text: TextFile, shard_tokens: int) -> bytes:
    shards = ShardedEncoding(folder, "train", tokenizer, np.dtype("<u2"), shard_tokens)
    shards.run(text, lambda _: None)
    output = io.BytesIO()
    shards.join(output)
    return output.getvalue()


@settings(max_examples=25, deadline=None)
@given(shard_tokens=st.integers(1, 400), range_bytes=st.integers(50, 900), stop_at=st.integers(0, 12))
def test_an_interrupted_job_ends_with_the_same_shards(
    shard_tokens: int, range_bytes: int, stop_at: int, tmp_path_factory: pytest.TempPathFactory
) -> None:
    folder = tmp_path_factory.mktemp("job")
    path = folder / "text.txt"
    path.write_bytes(TEXT[:1500].encode())
    text = TextFile.open(path)
    tokenizer = Tokenizer({byte: bytes([byte]) for byte in range(256)}, [], [END], impl="cached")
    finished = 0
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(jobs, "RANGE_BYTES", range_bytes)
        whole = encoded(folder / "whole", tokenizer, text, shard_tokens)
        finish = ShardedEncoding._finish

        def stopping(self: ShardedEncoding, *arguments: object) -> None:
            nonlocal finished
            finished += 1
            if finished > stop_at:
                raise KeyboardInterrupt
            finish(self, *arguments)  # type: ignore[arg-type]

        with patch.context() as inner:
            inner.setattr(ShardedEncoding, "_finish", stopping)
            with suppress(KeyboardInterrupt):
                encoded(folder / "again", tokenizer, text, shard_tokens)
        made = {path.name: path.stat().st_mtime_ns for path in (folder / "again").glob("train-*.bin")}
        assert encoded(folder / "again", tokenizer, text, shard_tokens) == whole
    for name, when in made.items():
        assert (folder / "again" / name).stat().st_mtime_ns == when
    assert whole == tokenizer.encode_to_array(TEXT[:1500]).astype("<u2").tobytes()


def test_a_text_that_cannot_be_encoded_is_named_with_its_place(text: TextFile, tokenizer: Tokenizer) -> None:
    text.path.write_bytes(b"the cat \xff sat")
    bad = TextFile.open(text.path)
    with pytest.raises(InvalidUtf8Error, match=r"text\.txt: invalid UTF-8 at byte 8"):
        encoded(text.path.parent / "shards", tokenizer, bad, 10)
    small = Tokenizer({97: b"a"}, [], impl="cached")
    text.path.write_bytes(b"ab")
    with pytest.raises(FileFormatError, match=r"text\.txt: .*0x62"):
        encoded(text.path.parent / "other", small, TextFile.open(text.path), 10)
