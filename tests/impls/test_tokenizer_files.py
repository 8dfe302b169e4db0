"""Files of text to files of ids and back: types, ranges, errors, and what is never left behind."""

import errno
import os
from pathlib import Path

import numpy as np
import pytest

from impls import FileFormatError, InvalidUtf8Error, Tokenizer, UsageError
from tests.impls.test_course import END, as_cases
from tests.support.tokenizers import BYTES, TEXT, Merge


@pytest.mark.parametrize(("largest", "dtype"), [(65_535, "<u2"), (65_536, "<u4"), ((1 << 31) - 1, "<u4")])
@pytest.mark.parametrize("impl", as_cases("encode"))
def test_ids_on_disk_are_uint16_where_every_id_fits(impl: str, largest: int, dtype: str, tmp_path: Path) -> None:
    tokenizer = Tokenizer({**BYTES, largest: b"zz"}, [(b"z", b"z")], impl=impl)
    (tmp_path / "text.txt").write_bytes(b"azzz\r\n")
    assert tokenizer.encode_file(tmp_path / "text.txt", tmp_path / "ids.bin") == 5
    expected = np.array([ord("a"), largest, ord("z"), 13, 10], dtype)
    assert (tmp_path / "ids.bin").read_bytes() == expected.tobytes()
    ids = tokenizer.read_ids(tmp_path / "ids.bin")
    assert (ids.dtype, ids.tolist()) == (np.dtype(dtype), expected.tolist())
    assert tokenizer.decode_bytes(ids) == b"azzz\r\n"
    with pytest.raises(ValueError, match="read-only"):
        ids[0] = 1


def test_special_tokens_count_for_the_type_of_ids() -> None:
    assert Tokenizer({65_534: b"a"}, [], ["<s>"]).id_dtype == np.dtype("<u2")
    assert Tokenizer({65_535: b"a"}, [], ["<s>"]).id_dtype == np.dtype("<u4")


@pytest.mark.parametrize("pattern", ["gpt2", "gpt4", r"regex:\S+"])
def test_a_file_of_several_ranges_encodes_as_its_text(
    pattern: str, tmp_path: Path, trained: tuple[dict[int, bytes], list[Merge]]
) -> None:
    tokenizer = Tokenizer(*trained, [END], pattern=pattern, impl="cached")
    text = (TEXT + END) * (1_200_000 // len((TEXT + END).encode()))
    (tmp_path / "text.txt").write_bytes(text.encode())
    n_ids = tokenizer.encode_file(tmp_path / "text.txt", tmp_path / "ids.bin")
    ids = tokenizer.read_ids(tmp_path / "ids.bin")
    assert n_ids == len(ids)
    assert np.array_equal(ids, tokenizer.encode_to_array(text))
    assert tokenizer.decode(ids) == text


def test_invalid_utf8_in_a_file_is_named_or_replaced(tmp_path: Path, tokenizer: Tokenizer) -> None:
    source, target = tmp_path / "text.txt", tmp_path / "ids.bin"
    source.write_bytes(b"the cat \xff sat\xc3")
    with pytest.raises(InvalidUtf8Error, match=r"text\.txt.*byte 8") as caught:
        tokenizer.encode_file(source, target)
    assert caught.value.offset == 8
    assert [path.name for path in tmp_path.iterdir()] == ["text.txt"]
    tokenizer.encode_file(source, target, errors="replace")
    assert tokenizer.decode(tokenizer.read_ids(target)) == "the cat \ufffd sat\ufffd"
    with pytest.raises(UsageError, match="'ignore'"):
        tokenizer.encode_file(source, target, errors="ignore")  # type: ignore[arg-type]


@pytest.mark.parametrize("output", ["missing/ids.bin", "text.txt/ids.bin", "folder", ".", "/", "n" * 300])
def test_an_output_that_cannot_be_written_is_named_and_nothing_is_left(
    output: str, tmp_path: Path, tokenizer: Tokenizer
) -> None:
    (tmp_path / "text.txt").write_text(TEXT)
    (tmp_path / "folder").mkdir()
    # Joined as strings: `tmp_path / "."` would lose the dot, and "/" the folder.
    target = output if output in (".", "/") else f"{tmp_path}/{output}"
    with pytest.raises(FileFormatError) as caught:
        tokenizer.encode_file(tmp_path / "text.txt", target)
    assert str(caught.value).startswith(target)
    assert sorted(path.name for path in tmp_path.rglob("*")) == ["folder", "text.txt"]


def test_an_output_may_have_the_longest_name_that_the_system_allows(tmp_path: Path, tokenizer: Tokenizer) -> None:
    (tmp_path / "text.txt").write_text(TEXT)
    target = tmp_path / ("n" * os.pathconf(tmp_path, "PC_NAME_MAX"))
    tokenizer.encode_file(tmp_path / "text.txt", target)
    assert tokenizer.decode(tokenizer.read_ids(target)) == TEXT


def test_a_full_disk_leaves_the_old_output(
    tmp_path: Path, tokenizer: Tokenizer, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(_: int) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    (tmp_path / "text.txt").write_text(TEXT)
    (tmp_path / "ids.bin").write_bytes(b"old")
    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(FileFormatError, match=r"ids\.bin: No space left on device"):
        tokenizer.encode_file(tmp_path / "text.txt", tmp_path / "ids.bin")
    assert (tmp_path / "ids.bin").read_bytes() == b"old"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["ids.bin", "text.txt"]


@pytest.mark.parametrize(
    ("content", "says"), [(None, "No such file"), (b"", "empty"), (b"abc", "has 3 bytes, not a multiple")]
)
def test_a_bad_file_of_ids_is_refused(content: bytes | None, says: str, tmp_path: Path, tokenizer: Tokenizer) -> None:
    path = tmp_path / "ids.bin"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(FileFormatError, match=rf"ids\.bin: .*{says}"):
        tokenizer.read_ids(path)


def test_a_file_of_ids_that_shrinks_while_it_is_decoded_is_an_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("impls.decoder.DECODE_IDS", 1000)
    path = tmp_path / "ids.bin"
    np.full(10_000, ord("a"), "<u2").tofile(path)
    parts = Tokenizer(BYTES, []).decode_file(path)
    assert next(parts) == b"a" * 1000
    os.truncate(path, 2500)
    with pytest.raises(FileFormatError, match="shrank while it was read, and ends at byte 2500"):
        list(parts)


def test_no_output_replaces_its_input(tmp_path: Path) -> None:
    text = tmp_path / "text.txt"
    text.write_text("ab")
    (tmp_path / "link").symlink_to(text)
    os.link(text, tmp_path / "hard")
    for output in (text, tmp_path / "link", tmp_path / "hard", tmp_path / "no" / ".." / "text.txt"):
        with pytest.raises(FileFormatError, match="is the same file as the input"):
            Tokenizer(BYTES, []).encode_file(text, output)
    assert text.read_text() == "ab"


def test_saving_replaces_a_tokenizer_of_ours_and_nothing_else(tmp_path: Path) -> None:
    tokenizer = Tokenizer(BYTES, [])
    (tmp_path / "vocab.json").write_text("{}")
    with pytest.raises(FileFormatError, match=r"vocab\.json: .* mergelab did not write it"):
        tokenizer.save(tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["vocab.json"]
    assert (tmp_path / "vocab.json").read_text() == "{}"
    tokenizer.save(tmp_path / "new")
    tokenizer.save(tmp_path / "new")
    (tmp_path / "new" / "merges.txt").unlink()
    (tmp_path / "new" / "merges.txt").symlink_to(tmp_path / "mine.txt")
    with pytest.raises(FileFormatError, match=r"merges\.txt: is a link"):
        tokenizer.save(tmp_path / "new")
    assert not (tmp_path / "mine.txt").exists()


def test_output_goes_through_links_and_never_over_what_is_no_file(tmp_path: Path) -> None:
    tokenizer = Tokenizer(BYTES, [])
    (tmp_path / "text.txt").write_text("ab")
    (tmp_path / "link.bin").symlink_to("target.bin")
    tokenizer.encode_file(tmp_path / "text.txt", tmp_path / "link.bin")
    assert (tmp_path / "link.bin").is_symlink()
    assert (tmp_path / "target.bin").read_bytes() == b"a\0b\0"
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(FileFormatError, match="pipe: not a regular file"):
        tokenizer.encode_file(tmp_path / "text.txt", tmp_path / "pipe")
    assert (tmp_path / "pipe").is_fifo()
