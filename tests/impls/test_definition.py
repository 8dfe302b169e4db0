"""What a tokenizer is: checked when it is made, never changed afterwards, compared as a value."""

import random
from collections.abc import Mapping, Sequence
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from impls import Tokenizer, UsageError
from tests.impls.test_course import as_cases
from tests.support.tokenizers import BYTES, SMALL_FUZZ, TEXTS, Merge


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
