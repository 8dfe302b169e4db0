"""`Tokenizer` around every encoder: what it refuses, special tokens, decoding, streams and files of ids."""

import errno
import os
import random
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from data import adversarial
from impls import FileFormatError, InvalidUtf8Error, Tokenizer, UsageError, train_bpe
from impls import tokenizer as tokenizer_module
from impls.kernels.helpers import JIT
from impls.patterns import PATTERNS
from tests.impls.test_course import CAT_MERGES, CAT_VOCAB, END, as_cases
from tests.support import ROOT

BYTES = {byte: bytes([byte]) for byte in range(256)}
FUZZ = settings(deadline=None, max_examples=150)
SMALL_FUZZ = settings(deadline=None, max_examples=30 if JIT else 10)

TEXT = (
    "It's the cat that ate the hat; the cats can't say what they've eaten in 1999 or 12345.\r\n"
    "  Then  they\tsaid: «naïve» 🙃🙃 — hello-hello, hello!\n\n   the end of the day\n"
)

FRAGMENTS = (
    *("a", "the", "Zx", "é", "e\u0301", "🙃", "\u3000", "0", "12345", "'", "'s", "'ll", ".", "...", "/"),
    *(" ", "  ", "\t", "\n", "\r", "\r\n", "\x85", "<|endof", "text|>", "<|", "|>", END),
)
TEXTS = st.lists(st.sampled_from(FRAGMENTS), max_size=30).map("".join)

Merge = tuple[bytes, bytes]


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> tuple[dict[int, bytes], list[Merge]]:
    path = tmp_path_factory.mktemp("tokenizer") / "corpus.txt"
    path.write_bytes((TEXT * 3).encode())
    return train_bpe(path, 340, [])


@pytest.fixture(scope="module")
def tokenizer(trained: tuple[dict[int, bytes], list[Merge]]) -> Tokenizer:
    return Tokenizer(*trained, [END])


def cat(impl: str = "auto") -> Tokenizer:
    vocab = {token_id: token.encode() for token_id, token in CAT_VOCAB.items()}
    return Tokenizer(vocab, [(left.encode(), right.encode()) for left, right in CAT_MERGES], impl=impl)


def chunked(text: str, places: Sequence[int]) -> list[str]:
    bounds = [0, *sorted(min(place, len(text)) for place in places), len(text)]
    return [text[start:stop] for start, stop in pairwise(bounds)]


def streamed(tokenizer: Tokenizer, parts: Sequence[str], buffer: int) -> list[int]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(tokenizer_module, "STREAM_CHARACTERS", buffer)
        return list(tokenizer.encode_iterable(parts))


@pytest.mark.parametrize(
    ("vocab", "merges", "names"),
    [
        ({0: b"a", 1: b"a"}, [], ("b'a'", "0", "1")),
        ({"0": b"a"}, [], ("'0'",)),
        ({0.5: b"a"}, [], ("0.5",)),
        ({True: b"a"}, [], ("True",)),
        ({-1: b"a"}, [], ("-1",)),
        ({1 << 31: b"a"}, [], (str(1 << 31),)),
        ({0: "a"}, [], ("'a'",)),
        ({0: None}, [], ("None",)),
        (BYTES, [(b"a", b"b")], ("number 0", "b'ab'")),
        ({0: b"a", 1: b"ab"}, [(b"a", b"b")], ("number 0", "b'b'")),
        ({0: b"b", 1: b"ab"}, [(b"a", b"b")], ("number 0", "b'a'")),
        ({**BYTES, 256: b"ab"}, [(b"a", b"b"), (b"a", b"b")], ("number 0", "number 1", "b'b'")),
        ({**BYTES, 256: b"ab", 257: b"abc"}, [(b"ab", b"c"), (b"a", b"b")], ("number 0", "number 1", "b'ab'")),
        (
            {**BYTES, 256: b"ab", 257: b"bc", 258: b"abc", 259: b"abcd"},
            [(b"a", b"b"), (b"b", b"c"), (b"ab", b"c"), (b"abc", b"d"), (b"a", b"bc")],
            ("number 3", "number 4", "b'abc'"),
        ),
        (BYTES, [(b"a",)], ("number 0", "b'a'")),
        (BYTES, [(b"a", b"b", b"c")], ("number 0", "b'c'")),
        (BYTES, [("a", "b")], ("number 0", "'a'")),
        (BYTES, [(b"a", "b")], ("number 0", "'b'")),
        (BYTES, [7], ("number 0", "7")),
    ],
)
def test_bad_vocabularies_and_merges_are_refused(
    vocab: Mapping[Any, Any], merges: Sequence[Any], names: tuple[str, ...]
) -> None:
    with pytest.raises(UsageError) as caught:
        Tokenizer(vocab, merges)
    assert "\n" not in str(caught.value)
    assert all(name in str(caught.value) for name in names), str(caught.value)


@pytest.mark.parametrize(
    ("specials", "name"),
    [
        ("<s>", "'<s>'"),
        (["<s>", ""], "number 1"),
        (["<s>", "x", "<s>"], "'<s>'"),
        ([b"<s>"], "b'<s>'"),
        ([None], "None"),
        (["a\ufffd"], "U+FFFD"),
        (["a\ud800"], "surrogate"),
    ],
)
def test_bad_special_tokens_are_refused(specials: Any, name: str) -> None:
    with pytest.raises(UsageError, match="special tokens") as caught:
        Tokenizer(BYTES, [], specials)
    assert name in str(caught.value)


def test_unknown_names_are_refused_with_what_exists(tokenizer: Tokenizer) -> None:
    with pytest.raises(UsageError, match=r"'gpt9'.*gpt2, gpt4, o200k"):
        Tokenizer(BYTES, [], pattern="gpt9")
    with pytest.raises(UsageError, match="not a regular expression"):
        Tokenizer(BYTES, [], pattern="regex:(")
    with pytest.raises(UsageError, match=r"'fast'.*naive.*jit"):
        Tokenizer(BYTES, [], impl="fast")
    with pytest.raises(UsageError, match=r"'some'.*all, none, none_raise"):
        tokenizer.encode("x", special="some")  # type: ignore[arg-type]


def test_a_special_token_that_gets_no_id_is_refused() -> None:
    with pytest.raises(UsageError, match="<s>"):
        Tokenizer({(1 << 31) - 1: b"a"}, [], ["<s>"])


@pytest.mark.parametrize("impl", as_cases("encode"))
@given(text=TEXTS, seed=st.integers(0, 9))
@SMALL_FUZZ
def test_imported_vocabularies_keep_their_ids(
    impl: str, text: str, seed: int, trained: tuple[dict[int, bytes], list[Merge]]
) -> None:
    vocab, merges = trained
    ids = random.Random(seed).sample(range(5 * len(vocab)), len(vocab))
    renumbered = Tokenizer({ids[token_id]: token for token_id, token in vocab.items()}, merges, impl=impl)
    expected = [ids[token_id] for token_id in Tokenizer(vocab, merges, impl="naive").encode(text)]
    assert renumbered.encode(text) == expected
    assert renumbered.decode(expected) == text


def every_split(ranks: Mapping[bytes, int]) -> list[Merge]:
    """Return the merges that a file of ranks stands for: each token from any two tokens of lower rank."""
    merges = []
    for token in sorted(ranks, key=ranks.__getitem__):
        splits = [(token[:place], token[place:]) for place in range(1, len(token))]
        merges += [pair for pair in splits if all(ranks.get(part, len(ranks)) < ranks[token] for part in pair)]
    return merges


@pytest.mark.parametrize("impl", as_cases("encode"))
@given(text=TEXTS)
@SMALL_FUZZ
def test_several_merges_may_make_one_token(
    impl: str, text: str, trained: tuple[dict[int, bytes], list[Merge]]
) -> None:
    tiktoken = pytest.importorskip("tiktoken")
    vocab, merges = trained
    ranks = {token: token_id for token_id, token in vocab.items()}
    converted = every_split(ranks)
    assert len(converted) > len(merges)
    theirs = tiktoken.Encoding("ours", pat_str=PATTERNS["gpt2"], mergeable_ranks=ranks, special_tokens={})
    assert Tokenizer(vocab, converted, impl=impl).encode(text) == theirs.encode_ordinary(text)


@pytest.mark.parametrize("impl", as_cases("encode"))
def test_special_modes(impl: str, trained: tuple[dict[int, bytes], list[Merge]]) -> None:
    tokenizer = Tokenizer(*trained, [END], impl=impl)
    plain = Tokenizer(*trained, impl=impl)
    text = f"the cat{END} hello"
    special_id = tokenizer.special_tokens[END]
    assert tokenizer.encode(text) == [*plain.encode("the cat"), special_id, *plain.encode(" hello")]
    assert tokenizer.encode(text, special="none") == plain.encode(text)
    with pytest.raises(UsageError, match="endoftext"):
        tokenizer.encode(text, special="none_raise")
    assert tokenizer.encode("the cat", special="none_raise") == plain.encode("the cat")


@pytest.mark.parametrize("impl", as_cases("encode"))
def test_empty_text_has_no_ids(impl: str) -> None:
    tokenizer = Tokenizer(BYTES, [], [END], impl=impl)
    assert tokenizer.encode("") == []
    assert tokenizer.encode_to_array("").dtype == tokenizer.id_dtype == np.uint16
    assert list(tokenizer.encode_iterable([])) == []
    assert list(tokenizer.encode_iterable(["", ""])) == []


def test_missing_special_tokens_get_the_next_ids_and_known_ones_keep_theirs() -> None:
    vocab = {**BYTES, 900: b"<pad>"}
    tokenizer = Tokenizer(vocab, [], ["<bos>", "<pad>", "<eos>"])
    assert tokenizer.special_tokens == {"<bos>": 901, "<pad>": 900, "<eos>": 902}
    assert tokenizer.encode("<pad><eos><bos>") == [900, 902, 901]
    assert tokenizer.decode([901, 900]) == "<bos><pad>"
    assert 901 not in vocab


def test_a_learned_token_can_be_special() -> None:
    tokenizer = Tokenizer({**BYTES, 256: b"ab"}, [(b"a", b"b")], ["ab", "é"])
    assert tokenizer.special_tokens == {"ab": 256, "é": 257}
    assert tokenizer.encode("xabé") == [ord("x"), 256, 257]


@given(
    specials=st.lists(st.text("ab.|*<", min_size=1, max_size=4), min_size=1, max_size=5, unique=True),
    text=st.text("ab.|*<", max_size=20),
)
@FUZZ
def test_the_longest_special_token_wins_at_the_leftmost_place(specials: list[str], text: str) -> None:
    tokenizer = Tokenizer({1000 + byte: token for byte, token in BYTES.items()}, [], specials)
    expected, place = [], 0
    while place < len(text):
        here = max((special for special in specials if text.startswith(special, place)), key=len, default="")
        expected.append(tokenizer.special_tokens[here] if here else 1000 + ord(text[place]))
        place += len(here) or 1
    assert tokenizer.encode(text) == expected
    assert tokenizer.decode(expected) == text


@given(st.data())
@FUZZ
def test_any_ids_decode_with_replacement_characters(tokenizer: Tokenizer, data: st.DataObject) -> None:
    ids = data.draw(st.lists(st.sampled_from(sorted(tokenizer.vocab))))
    raw = b"".join(tokenizer.vocab[token_id] for token_id in ids)
    assert tokenizer.decode_bytes(ids) == raw
    assert tokenizer.decode(ids) == raw.decode("utf-8", errors="replace")


def test_half_a_character_decodes_to_the_replacement_character(tokenizer: Tokenizer) -> None:
    assert tokenizer.decode([0xC3, ord("a"), 0x80]) == "\ufffda\ufffd"
    assert tokenizer.decode(list("é".encode())) == "é"


@pytest.mark.parametrize("dtype", [np.uint16, np.uint32, np.int32, np.int64])
def test_numpy_ids_decode(dtype: type[np.integer[Any]], tokenizer: Tokenizer) -> None:
    ids = tokenizer.encode_to_array(TEXT).astype(dtype)
    assert tokenizer.decode(ids) == TEXT
    assert tokenizer.decode(list(ids)) == TEXT
    assert tokenizer.decode(iter(ids)) == TEXT


@pytest.mark.parametrize(
    ("ids", "offender", "place"),
    [
        ([1, 2, 341], "341", 2),
        ([-1, 2], "-1", 0),
        ([0, 1 << 40], str(1 << 40), 1),
        ([65, "66"], "'66'", 1),
        ([65, None], "None", 1),
        ([65, [66]], "[66]", 1),
        ([65, 66.5], "66.5", 1),
        ([65, 66.0], "66.0", 1),
        ([65, b"B"], "b'B'", 1),
        (np.array([0, 70_000], np.uint32), "70000", 1),
        (np.array([65.0, 66.0]), "65.0", 0),
        (np.array([[65]]), "[65]", 0),
    ],
)
def test_a_bad_id_is_named_with_its_place(ids: Any, offender: str, place: int, tokenizer: Tokenizer) -> None:
    with pytest.raises(UsageError) as caught:
        tokenizer.decode(ids)
    assert f"{offender} at place {place} " in str(caught.value)


@pytest.mark.parametrize("pattern", [*PATTERNS, r"regex:\S+"])
@pytest.mark.parametrize("specials", [[], [END], [END, END + END, " ", "the"]])
def test_a_stream_cut_anywhere_gives_the_ids_of_the_whole(
    pattern: str, specials: list[str], trained: tuple[dict[int, bytes], list[Merge]]
) -> None:
    tokenizer = Tokenizer(*trained, specials, pattern=pattern)
    text = f"it's 12  \r\n é🙃{END}{END} the\x85end <|endof text|>{END}"
    expected = tokenizer.encode(text)
    for place in range(len(text) + 1):
        assert streamed(tokenizer, [text[:place], text[place:]], 1) == expected
    assert streamed(tokenizer, list(text), 1) == expected


@pytest.mark.parametrize("pattern", [*PATTERNS, r"regex:\S+"])
@given(text=TEXTS, places=st.lists(st.integers(0, 80), max_size=12), buffer=st.integers(1, 12))
@FUZZ
def test_a_stream_in_random_chunks_gives_the_ids_of_the_whole(
    pattern: str, text: str, places: list[int], buffer: int, trained: tuple[dict[int, bytes], list[Merge]]
) -> None:
    tokenizer = Tokenizer(*trained, [END, END + END], pattern=pattern)
    assert streamed(tokenizer, chunked(text, places), buffer) == tokenizer.encode(text)


@given(
    specials=st.lists(st.text("ab \né", min_size=1, max_size=4), max_size=4, unique=True),
    text=st.text("ab \né", max_size=30),
    places=st.lists(st.integers(0, 30), max_size=8),
    buffer=st.integers(1, 6),
)
@FUZZ
def test_streams_cut_no_special_token_in_two(specials: list[str], text: str, places: list[int], buffer: int) -> None:
    tokenizer = Tokenizer({**BYTES, 256: b" a", 257: b"  "}, [(b" ", b"a"), (b" ", b" ")], specials)
    assert streamed(tokenizer, chunked(text, places), buffer) == tokenizer.encode(text)


@pytest.mark.parametrize("pattern", ["gpt2", r"regex:\S+"])
def test_a_stream_is_read_only_as_far_as_needed(pattern: str) -> None:
    n_parts, n_read = 10_000, 0

    def parts() -> Iterator[str]:
        nonlocal n_read
        for _ in range(n_parts):
            n_read += 1
            yield f"a story of {'many ' * 20}words{END}"

    ids = Tokenizer(BYTES, [], [END], pattern=pattern).encode_iterable(parts())
    assert n_read == 0
    assert next(ids) == ord("a")
    assert 0 < n_read < n_parts // 10


@pytest.mark.parametrize("buffer", [1, 1 << 14])
def test_a_lone_surrogate_is_refused(buffer: int, tokenizer: Tokenizer) -> None:
    with pytest.raises(UsageError, match=r"'\\ud800' at character 4"):
        tokenizer.encode("the \ud800")
    with pytest.raises(UsageError, match=r"'\\ud800'"):
        streamed(tokenizer, ["the cat ", "sat \ud800", " down"], buffer)


def test_the_place_of_a_lone_surrogate_counts_from_the_start_of_the_text(tokenizer: Tokenizer) -> None:
    with pytest.raises(UsageError, match=f"at character {len(END) + 2};"):
        tokenizer.encode(f"{END}ab\ud800")


@pytest.mark.parametrize("impl", as_cases("encode"))
def test_a_byte_that_the_vocabulary_lacks_is_named(impl: str, tmp_path: Path) -> None:
    tokenizer = cat(impl)
    (tmp_path / "text.txt").write_text("the cat bit")
    with pytest.raises(UsageError, match="0x62"):
        tokenizer.encode("the cat bit")
    with pytest.raises(UsageError, match="0x62"):
        list(tokenizer.encode_iterable(["the cat", " bit"]))
    with pytest.raises(FileFormatError, match=r"text\.txt: .*0x62"):
        tokenizer.encode_file(tmp_path / "text.txt", tmp_path / "ids.bin")
    assert [path.name for path in tmp_path.iterdir()] == ["text.txt"]
    assert tokenizer.encode("the cat ate") == [9, 7, 1, 5, 10, 3]


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
    ("content", "says"), [(None, "No such file"), (b"", "empty"), (b"abc", "3 bytes are not a whole number")]
)
def test_a_bad_file_of_ids_is_refused(content: bytes | None, says: str, tmp_path: Path, tokenizer: Tokenizer) -> None:
    path = tmp_path / "ids.bin"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(FileFormatError, match=rf"ids\.bin: .*{says}"):
        tokenizer.read_ids(path)


@pytest.mark.kernel
def test_auto_gives_the_same_ids_in_compiled_code(
    trained: tuple[dict[int, bytes], list[Merge]], monkeypatch: pytest.MonkeyPatch
) -> None:
    expected = Tokenizer(*trained, [END]).encode(TEXT + END)
    monkeypatch.setattr("impls.fastest.code_state", lambda *_: "loaded")
    assert Tokenizer(*trained, [END]).encode(TEXT + END) == expected


def test_small_work_never_imports_numba(tmp_path: Path) -> None:
    (tmp_path / "text.txt").write_text(TEXT)
    code = (
        "import sys\n"
        "from impls import Tokenizer, train_bpe\n"
        "tokenizer = Tokenizer(*train_bpe(sys.argv[1], 300, ['<s>']), ['<s>'])\n"
        "list(tokenizer.encode_iterable([tokenizer.decode(tokenizer.encode('the cat<s>'))]))\n"
        "tokenizer.encode_file(sys.argv[1], sys.argv[1] + '.bin')\n"
        "print('numba' in sys.modules)\n"
    )
    command = [sys.executable, "-c", code, str(tmp_path / "text.txt")]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=60)
    assert (done.returncode, done.stdout, done.stderr) == (0, "False\n", "")


def test_a_file_of_ids_that_shrinks_while_it_is_decoded_is_an_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("impls.tokenizer.DECODE_IDS", 1000)
    path = tmp_path / "ids.bin"
    np.full(10_000, ord("a"), "<u2").tofile(path)
    parts = Tokenizer(BYTES, []).decode_file(path)
    assert next(parts) == b"a" * 1000
    os.truncate(path, 2500)
    with pytest.raises(FileFormatError, match="shrank while it was read, at byte 2500"):
        list(parts)


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


@pytest.mark.parametrize("text", [None, 7, ["ab"], bytearray(b"ab")])
def test_what_is_not_text_is_refused(text: Any) -> None:
    with pytest.raises(UsageError, match="is neither a string nor bytes"):
        Tokenizer(BYTES, []).encode(text)


@pytest.mark.parametrize("impl", ["cached", "jit"])
def test_bytes_are_encoded_like_the_text_they_are(trained: tuple[dict[int, bytes], list[Merge]], impl: str) -> None:
    tokenizer = Tokenizer(*trained, [END], impl=impl)
    assert tokenizer.encode((TEXT + END).encode()) == tokenizer.encode(TEXT + END)
    assert tokenizer.encode(END.encode(), special="none") == tokenizer.encode(END, special="none")
    with pytest.raises(UsageError, match="holds the special token"):
        tokenizer.encode(END.encode(), special="none_raise")
    with pytest.raises(InvalidUtf8Error):
        tokenizer.encode(b"ab\xff")


@pytest.mark.parametrize("impl", ["cached", "jit"])
def test_a_batch_is_each_text_by_itself(trained: tuple[dict[int, bytes], list[Merge]], impl: str) -> None:
    tokenizer = Tokenizer(*trained, [END], impl=impl)
    texts = ["", TEXT, END, "a", " b", TEXT + END]
    assert tokenizer.encode_batch(texts) == [tokenizer.encode(text) for text in texts]
    assert tokenizer.encode_batch(iter(texts), special="none") == [tokenizer.encode(t, special="none") for t in texts]
    with pytest.raises(UsageError, match="one string"):
        tokenizer.encode_batch("ab")
    with pytest.raises(UsageError, match="workers"):
        tokenizer.encode_batch(texts, workers=0)


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (([b"a"], []), "vocab: list is not a mapping"),
        (({0: b""}, []), "vocab: the token of id 0 is empty"),
        ((BYTES, [], {"<s>"}), "special tokens: set has no order"),
    ],
)
def test_arguments_of_another_kind_are_refused(arguments: tuple[Any, ...], told: str) -> None:
    with pytest.raises(UsageError, match=told):
        Tokenizer(*arguments)


def test_long_pretokens_do_not_hold_up_pure_python(tmp_path: Path) -> None:
    path = tmp_path / "long.txt"
    path.write_bytes(adversarial.TEXTS["no-spaces"](6000))
    vocab, merges = train_bpe(path, 300, [])
    encoder = Tokenizer(vocab, merges, impl="cached")
    assert encoder.encode(path.read_text()) == Tokenizer(vocab, merges, impl="heap").encode(path.read_text())
