"""`Tokenizer` around every encoder: what it refuses, special tokens, decoding, streams and files of ids."""

import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from data import adversarial
from impls import FileFormatError, InvalidUtf8Error, Tokenizer, UsageError, train_bpe
from impls.patterns import PATTERNS
from tests.impls.test_course import END, as_cases
from tests.support import ROOT
from tests.support.tokenizers import BYTES, FUZZ, SMALL_FUZZ, TEXT, TEXTS, Merge, cat, streamed


def test_unknown_names_are_refused_with_what_exists(tokenizer: Tokenizer) -> None:
    with pytest.raises(UsageError, match=r"'gpt9'.*gpt2, gpt4, o200k"):
        Tokenizer(BYTES, [], pattern="gpt9")
    with pytest.raises(UsageError, match="not a regular expression"):
        Tokenizer(BYTES, [], pattern="regex:(")
    with pytest.raises(UsageError, match=r"'fast'.*naive.*jit"):
        Tokenizer(BYTES, [], impl="fast")
    with pytest.raises(UsageError, match=r"'some'.*all, none, none_raise"):
        tokenizer.encode("x", special="some")  # type: ignore[arg-type]


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


@pytest.mark.parametrize("buffer", [1, 1 << 14])
def test_a_lone_surrogate_is_refused(buffer: int, tokenizer: Tokenizer) -> None:
    with pytest.raises(UsageError, match=r"'\\ud800' at character 4"):
        tokenizer.encode("the \ud800")
    with pytest.raises(UsageError, match=r"'\\ud800'"):
        streamed(tokenizer, ["the cat ", "sat \ud800", " down"], buffer)


def test_the_place_of_a_lone_surrogate_counts_from_the_start_of_the_text(tokenizer: Tokenizer) -> None:
    with pytest.raises(UsageError, match=f"at character {len(END) + 2} has no UTF-8 form"):
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
        ((BYTES, [], {"<s>"}), "special tokens: set is not a list"),
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
