"""What a tokenizer is: checked when it is made, never changed afterwards, compared as a value."""

import copy
import pickle
import random
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from impls import Definition, Tokenizer, UsageError, train_bpe
from impls.pipeline import train
from tests.impls.test_course import END, as_cases
from tests.support.tokenizers import BYTES, SMALL_FUZZ, TEXT, TEXTS, Merge


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


def test_what_training_returns_is_what_its_parts_would_make(tmp_path: Path) -> None:
    path = tmp_path / "text.txt"
    path.write_bytes(TEXT.encode())
    trained = train(path, 300, [END, "<|pad|>"], pattern="gpt4")
    vocab, merges = train_bpe(path, 300, [END, "<|pad|>"], pattern="gpt4")
    made = Definition(vocab, merges, [END, "<|pad|>"], "gpt4")
    assert trained == made
    assert hash(trained) == hash(made)
    assert trained.fingerprint == made.fingerprint
    for ours, theirs in zip(vars(trained.vocabulary).items(), vars(made.vocabulary).items(), strict=True):
        assert ours[0] == theirs[0]
        assert np.array_equal(ours[1], theirs[1])
    tokenizer = Tokenizer.from_definition(trained)
    assert (tokenizer.pattern, list(tokenizer.special_tokens)) == ("gpt4", [END, "<|pad|>"])
    assert tokenizer.encode(TEXT) == Tokenizer(vocab, merges, [END, "<|pad|>"], pattern="gpt4").encode(TEXT)


def test_a_definition_does_not_change() -> None:
    vocab, merges = {**BYTES, 256: b"ab"}, [(b"a", b"b")]
    made = Definition(vocab, iter(merges), [END])
    for name, value in (("vocab", {}), ("merges", ()), ("special_tokens", {}), ("pattern", "gpt4")):
        with pytest.raises(AttributeError, match=name):
            setattr(made, name, value)
    with pytest.raises(TypeError):
        made.vocab[0] = b"x"  # type: ignore[index]
    with pytest.raises(TypeError):
        made.special_tokens["x"] = 1  # type: ignore[index]
    vocab[256], merges[0] = b"xy", (b"x", b"y")
    assert (made.vocab[256], made.merges) == (b"ab", ((b"a", b"b"),))
    assert repr(made) == "Definition(258 tokens, 1 merges, 1 special tokens, pattern 'gpt2')"


@pytest.mark.parametrize("copy_of", [copy.copy, copy.deepcopy, lambda made: pickle.loads(pickle.dumps(made))])
def test_a_copy_is_equal(copy_of: Callable[[Definition], Definition]) -> None:
    made = Definition({**BYTES, 300: b"ab", 301: END.encode()}, [(b"a", b"b")], ["<s>", END], r"regex:\S+|\s+")
    copied = copy_of(made)
    assert copied == made
    assert copied.fingerprint == made.fingerprint
    assert list(copied.special_tokens.items()) == [("<s>", 302), (END, 301)]


@pytest.mark.parametrize(
    "other",
    [
        Definition(BYTES, [], ["<t>", "<s>"]),
        Definition(BYTES, [], ["<s>"]),
        Definition(BYTES, [], ["<s>", "<t>"], "gpt4"),
        Definition({**BYTES, 258: b"ab"}, [], ["<s>", "<t>"]),
        "a string",
    ],
    ids=["order", "special-tokens", "pattern", "vocab", "kind"],
)
def test_a_difference_in_any_part_is_one(other: object) -> None:
    made = Definition(BYTES, [], ["<s>", "<t>"])
    assert made != other
    if isinstance(other, Definition):
        assert made.fingerprint != other.fingerprint


def test_many_special_tokens_take_no_quadratic_time() -> None:
    specials = [f"<{number}>" for number in range(20_000)]
    made = Definition({number: b"%d" % number for number in range(50_000)}, [], specials)
    assert list(made.special_tokens.values()) == list(range(50_000, 70_000))


@pytest.mark.parametrize("merges", ["ab", b"ab", {b"a": b"b"}, 7, None])
def test_merges_that_are_no_list_of_pairs_are_refused(merges: Any) -> None:
    with pytest.raises(UsageError, match="merges: the value is not a list"):
        Definition(BYTES, merges)
