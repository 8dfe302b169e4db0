"""Files and safe cuts: parts split apart give the pretokens of the whole, whatever the text and the part size."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from data import adversarial
from impls import cuts
from impls.cuts import SafeCuts
from impls.errors import FileFormatError, InvalidUtf8Error, UsageError
from impls.inputs.file import TextFile
from impls.inputs.text import RANGE_BYTES, decode_utf8
from impls.patterns import PATTERNS, Splitter

CUSTOM = [r"regex:\w+|\s", r"regex:a\s?b|(\s+)", r"regex:(?<=a )b|\Z", "regex:"]
# Overlapping, prefixes of each other, regex characters, spaces, letters, more than ASCII.
SPECIALS = ["<|e|>", "<|e|>a", "|>", "<|", "aa", "aaa", "a ", " a", " ", "a b", "b", ".*", "(\n)", "é", "語é", "1\n"]
ATOMS = [*"aabs1'!. \t\r\n\xa0\u3000\x85\x1c\u017fé語😀\u0301", "  ", "\r\n", "'ll", "<|e|>", *SPECIALS]

patterns = st.sampled_from([*PATTERNS, *CUSTOM])
special_lists = st.lists(st.sampled_from(SPECIALS), unique=True, max_size=4)
texts = st.lists(st.sampled_from(ATOMS), max_size=40).map("".join)
quick = settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


@pytest.fixture
def corpus_of(tmp_path: Path) -> Callable[[bytes], TextFile]:
    """Write a file and open it."""

    def write_and_open(data: bytes) -> TextFile:
        path = tmp_path / "corpus.txt"
        path.write_bytes(data)
        return TextFile.open(path)

    return write_and_open


def assert_ranges_split_apart(
    corpus: TextFile, pattern: str, special_tokens: list[str], range_bytes: int
) -> list[tuple[int, int]]:
    ranges = list(corpus.ranges(pattern, special_tokens, range_bytes))
    starts, stops = zip(*ranges, strict=True)
    assert (starts[0], stops[-1]) == (0, corpus.n_bytes)
    assert starts[1:] == stops[:-1]
    assert all(stop - start >= range_bytes for start, stop in ranges[:-1])
    assert all(start < stop for start, stop in ranges)
    splitter = Splitter(pattern, special_tokens)
    parts = [pretoken for each in ranges for pretoken in splitter.corpus_pretokens(corpus.text(*each))]
    assert parts == list(splitter.corpus_pretokens(corpus.text(0, corpus.n_bytes)))
    return ranges


@quick
@given(text=texts, pattern=patterns, special_tokens=special_lists, range_bytes=st.integers(1, 40))
def test_ranges_split_apart_give_the_pretokens_of_the_whole(
    corpus_of: Callable[[bytes], TextFile], text: str, pattern: str, special_tokens: list[str], range_bytes: int
) -> None:
    assume(text)
    assert_ranges_split_apart(corpus_of(text.encode()), pattern, special_tokens, range_bytes)


@quick
@given(
    text=texts,
    pattern=patterns,
    special_tokens=special_lists,
    range_bytes=st.integers(1, 40),
    window=st.integers(1, 9),
)
def test_the_search_may_need_many_windows(
    corpus_of: Callable[[bytes], TextFile],
    text: str,
    pattern: str,
    special_tokens: list[str],
    range_bytes: int,
    window: int,
) -> None:
    assume(text)
    corpus = corpus_of(text.encode())
    expected = list(corpus.ranges(pattern, special_tokens, range_bytes))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(cuts, "WINDOW_BYTES", window)
        assert assert_ranges_split_apart(corpus, pattern, special_tokens, range_bytes) == expected


@pytest.mark.parametrize("pattern", PATTERNS)
@pytest.mark.parametrize("name", [name for name in adversarial.TEXTS if name != "invalid-utf8"])
def test_adversarial_texts_are_cut_safely(corpus_of: Callable[[bytes], TextFile], name: str, pattern: str) -> None:
    corpus = corpus_of(adversarial.TEXTS[name](9_000))
    for range_bytes in (1, 13, 100, 5_000):
        assert_ranges_split_apart(corpus, pattern, ["<|endoftext|>"], range_bytes)


def test_every_range_size_covers_the_file(corpus_of: Callable[[bytes], TextFile]) -> None:
    data = "One day, a 語 man<|e|>said:\r\n\r\n 'it's 12 o'clock' é é<|e|><|e|>  and left.".encode()
    corpus = corpus_of(data)
    for range_bytes in range(1, len(data) + 2):
        ranges = assert_ranges_split_apart(corpus, "gpt2", ["<|e|>"], range_bytes)
        assert len(ranges) > 1 or range_bytes > len(data) // 2
    assert list(corpus.ranges("gpt2", [], len(data))) == [(0, len(data))]
    assert list(corpus.ranges("gpt2", [])) == [(0, len(data))]


def test_ranges_of_a_long_text_are_about_the_size_wanted(corpus_of: Callable[[bytes], TextFile]) -> None:
    corpus = corpus_of(b"Some words in a line.\n" * 150_000)
    assert all(stop - start < RANGE_BYTES + 30 for start, stop in corpus.ranges("gpt2", []))


@quick
@given(text=texts, more=texts, pattern=patterns, special_tokens=special_lists)
def test_no_continuation_undoes_the_last_cut(text: str, more: str, pattern: str, special_tokens: list[str]) -> None:
    cut = SafeCuts(pattern, special_tokens).last_in(text)
    if cut is None:
        return
    assert 0 < cut < len(text)
    splitter = Splitter(pattern, special_tokens)
    whole = list(splitter.corpus_pretokens(text + more))
    parts = [text[:cut], text[cut:] + more]
    assert [pretoken for part in parts for pretoken in splitter.corpus_pretokens(part)] == whole


@quick
@given(text=texts, pattern=patterns, special_tokens=special_lists)
def test_a_cut_is_only_the_last_if_none_follows(text: str, pattern: str, special_tokens: list[str]) -> None:
    cuts = SafeCuts(pattern, special_tokens)
    data = text.encode()
    every, place = [], cuts.first_in(data, 1)
    while place is not None:
        every.append(len(data[:place].decode()))
        place = cuts.first_in(data, place + 1)
    sure = [cut for cut in every if len(text[:cut].encode()) + cuts.margin <= len(data)]
    assert cuts.last_in(text) == (sure[-1] if sure else None)


def test_the_last_cut_is_found_far_from_the_end() -> None:
    assert SafeCuts("gpt2", []).last_in("é one " + "x" * 100_000) == 5
    assert SafeCuts("regex:x", ["<|e|>"]).last_in("é<|e|>" + "x" * 100_000) == 1


def test_patterns_of_ones_own_are_only_cut_at_special_tokens(corpus_of: Callable[[bytes], TextFile]) -> None:
    corpus = corpus_of(b"one two<|e|>three four 5 6<|e|>seven")
    assert list(corpus.ranges(r"regex:\w+", [], 1)) == [(0, corpus.n_bytes)]
    assert list(corpus.ranges(r"regex:\w+", ["<|e|>"], 1)) == [(0, 7), (7, 26), (26, corpus.n_bytes)]
    assert SafeCuts(r"regex:\w+", []).last_in("one two three") is None


def test_no_cut_within_occurrences_that_overlap(corpus_of: Callable[[bytes], TextFile]) -> None:
    corpus = corpus_of(b"xabcabcx")
    assert list(corpus.ranges("regex:x", ["abc", "bc", "c"], 1)) == [(0, 1), (1, 4), (4, 8)]
    assert list(corpus.ranges("regex:x", ["bca", "ab", "c"], 1)) == [(0, 1), (1, 6), (6, 8)]


@quick
@given(
    data=st.lists(st.sampled_from([*(atom.encode() for atom in ATOMS), b"\xff", b"\xe8", b"\xc3", b"\x80"]))
    .map(b"".join)
    .filter(bool),
    special_tokens=special_lists,
    range_bytes=st.integers(1, 20),
)
def test_cuts_change_nothing_of_what_replaces_invalid_utf8(
    corpus_of: Callable[[bytes], TextFile], data: bytes, special_tokens: list[str], range_bytes: int
) -> None:
    corpus = TextFile.open(corpus_of(data).path, "replace")
    assert_ranges_split_apart(corpus, "gpt2", special_tokens, range_bytes)
    ranges = corpus.ranges("gpt2", special_tokens, range_bytes)
    assert "".join(corpus.text(*each) for each in ranges) == data.decode("utf-8", "replace")


def test_bytes_are_read_as_they_stand(corpus_of: Callable[[bytes], TextFile]) -> None:
    data = b"\xef\xbb\xbfa\r\nb\rc\x00\x1a\n"
    corpus = corpus_of(data)
    assert (corpus.n_bytes, corpus.errors) == (len(data), "strict")
    assert corpus.read(0, len(data)) == data
    assert corpus.read(3, 6) == b"a\r\n"
    assert corpus.read(4, 4) == b""
    assert corpus.text(0, len(data)) == "\ufeffa\r\nb\rc\x00\x1a\n"


def test_invalid_utf8_is_named_by_its_offset_in_the_file(corpus_of: Callable[[bytes], TextFile]) -> None:
    corpus = corpus_of(b"ab\xc3\xa9cd\xe8\xaa")
    with pytest.raises(InvalidUtf8Error) as caught:
        corpus.text(3, 6)
    assert (caught.value.source, caught.value.offset) == (str(corpus.path), 3)
    with pytest.raises(InvalidUtf8Error, match=r"corpus\.txt: .*byte 6;"):
        corpus.text(4, 8)
    assert TextFile.open(corpus.path, "replace").text(4, 8) == "cd\ufffd"


def test_decode_counts_from_the_offset_given() -> None:
    with pytest.raises(InvalidUtf8Error) as caught:
        decode_utf8(b"ab\xff", "here", 100)
    assert (caught.value.source, caught.value.offset) == ("here", 102)


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    path = tmp_path / "absent.txt"
    with pytest.raises(FileFormatError, match=f"^{path}: No such file"):
        TextFile.open(path)


def test_a_folder_is_named(tmp_path: Path) -> None:
    with pytest.raises(FileFormatError, match=f"^{tmp_path}: "):
        TextFile.open(str(tmp_path))


def test_an_empty_file_is_named(tmp_path: Path) -> None:
    path = tmp_path / "empty.txt"
    path.touch()
    with pytest.raises(FileFormatError, match=f"^{path}: the file is empty"):
        TextFile.open(path)


def test_a_device_is_not_a_regular_file() -> None:
    with pytest.raises(FileFormatError, match=f"^{os.devnull}: not a regular file"):
        TextFile.open(os.devnull)


def test_a_pipe_is_refused_without_waiting_for_a_writer(tmp_path: Path) -> None:
    path = tmp_path / "pipe"
    os.mkfifo(path)
    told: list[str] = []

    def open_pipe() -> None:
        try:
            TextFile.open(path)
        except FileFormatError as error:
            told.append(str(error))

    thread = threading.Thread(target=open_pipe)
    thread.start()
    thread.join(timeout=1)
    waits = thread.is_alive()
    if waits:
        path.open("wb").close()
    thread.join()
    assert not waits
    assert told == [f"{path}: not a regular file; give a text file"]


@pytest.mark.parametrize("errors", ["ignore", "", None, "STRICT"])
def test_an_unknown_way_with_errors_is_refused(corpus_of: Callable[[bytes], TextFile], errors: str | None) -> None:
    path = corpus_of(b"text").path
    with pytest.raises(UsageError, match=r"^errors: unknown value .*'strict' or 'replace'"):
        TextFile.open(path, errors)  # type: ignore[arg-type]


def test_a_file_that_shrank_is_named_with_its_end(corpus_of: Callable[[bytes], TextFile]) -> None:
    corpus = corpus_of(b"some words in a line")
    corpus.path.write_bytes(b"some words")
    with pytest.raises(FileFormatError, match=f"^{corpus.path}: shrank while it was read, and ends at byte 10"):
        corpus.text(5, 20)
    with pytest.raises(FileFormatError, match=f"^{corpus.path}: shrank"):
        list(corpus.ranges("gpt2", [], 4))
    corpus.path.unlink()
    with pytest.raises(FileFormatError, match=f"^{corpus.path}: No such file"):
        corpus.read(0, 1)


@pytest.mark.parametrize("pattern", PATTERNS)
def test_text_in_any_script_offers_cuts(pattern: str, tmp_path: Path) -> None:
    path = tmp_path / "kana.txt"
    path.write_text("むかし むかし ある ところに、 おじいさん と おばあさん が\nすんで いました\n" * 200)
    ranges = list(TextFile.open(path).ranges(pattern, [], 1000))
    assert len(ranges) > path.stat().st_size // 1200
