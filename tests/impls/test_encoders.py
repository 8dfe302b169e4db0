"""All encoders give the ids of the oracle, whatever trained the vocabulary."""

from __future__ import annotations

import collections
from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from impls import InvalidUtf8Error, UsageError
from impls.contract import Encoder, Merges, Pretokens, Vocabulary
from impls.encode import cached, jit
from impls.kernels.helpers import JIT
from impls.patterns import PATTERNS, Splitter
from impls.registry import Impl, implementations

pytestmark = pytest.mark.kernel

ENCODERS = implementations("encode")
ORACLE = ENCODERS[0].load()
TRAINERS = implementations("train")

each_encoder = pytest.mark.parametrize("row", ENCODERS, ids=lambda row: row.name)

TEXT = (
    "It was the best of times, it was the worst of times; 1859 and all that's in it.\n\n"
    "  Don't we'll they're... naïve café — 日本語のテキスト 🙂🙂\r\n\tEnd    of it   \n"
) * 3


def train_on(text: str, n_merges: int, trainer: str = "incremental", pattern: str = "gpt2") -> Merges:
    counts = collections.Counter(pretoken.encode() for pretoken in Splitter(pattern).pretokens(text))
    row = next(row for row in TRAINERS if row.name == trainer)
    merges: Merges = row.load()(Pretokens.from_mapping(counts), n_merges=n_merges)
    return merges


def build(row: Impl, merges: Merges, pattern: str = "gpt2") -> Encoder:
    encoder: Encoder = row.load()(Vocabulary.from_merges(merges), pattern)
    return encoder


@each_encoder
@pytest.mark.parametrize("trainer", [row.name for row in TRAINERS])
def test_any_trainer_fits_any_encoder(row: Impl, trainer: str) -> None:
    merges = train_on(TEXT, 120, trainer)
    ids = build(row, merges).encode(TEXT.encode())
    assert ids.dtype == np.uint16
    assert ids.tolist() == ORACLE(Vocabulary.from_merges(merges), "gpt2").encode(TEXT.encode()).tolist()
    tokens = merges.token_bytes()
    assert b"".join(tokens[token] for token in ids) == TEXT.encode()


@each_encoder
@pytest.mark.parametrize("pattern", [*PATTERNS, r"regex:[a-z]+"])
def test_every_pattern_round_trips(row: Impl, pattern: str) -> None:
    merges = train_on(TEXT, 60, pattern=pattern)
    ids = build(row, merges, pattern).encode(TEXT.encode())
    assert ids.tolist() == ORACLE(Vocabulary.from_merges(merges), pattern).encode(TEXT.encode()).tolist()


@each_encoder
def test_empty_text_has_no_ids(row: Impl) -> None:
    assert build(row, train_on(TEXT, 10)).encode(b"").tolist() == []


@each_encoder
def test_vocabulary_without_merges_gives_bytes(row: Impl) -> None:
    assert build(row, Merges.from_pairs([])).encode("héé".encode()).tolist() == list("héé".encode())


@each_encoder
def test_a_token_that_merges_cannot_reach_is_never_produced(row: Impl) -> None:
    # "abc" is a token, made by (a, bc), but (a, b) comes first: an entry "abc -> its own id" would be wrong.
    merges = Merges.from_pairs([(97, 98), (98, 99), (97, 257)])
    encoder = build(row, merges)
    assert encoder.encode(b"abc").tolist() == [256, 99]
    assert encoder.encode(b"abc abc").tolist() == [256, 99, 32, 256, 99]


@each_encoder
def test_long_pretokens(row: Impl) -> None:
    merges = Merges.from_pairs([(97, 97), (256, 256), (257, 97), (98, 97), (257, 257)])
    text = "a" * 500 + " " + "ab" * 200 + " " + "aab" * 100 + " " + "a" * 1500
    encoder = build(row, merges)
    expected = ORACLE(Vocabulary.from_merges(merges), "gpt2").encode(text.encode()).tolist()
    assert encoder.encode(text.encode()).tolist() == expected
    assert encoder.encode(text.encode()).tolist() == expected


@each_encoder
def test_special_tokens_are_matched_first_and_the_longest_wins(row: Impl) -> None:
    specials = {"<s>": 500, "<s><s>": 501, " of ": 502, "é": 503}
    merges = train_on(TEXT, 40)
    vocabulary = replace(Vocabulary.from_merges(merges), special_tokens=specials)
    text = "<s>It was<s><s><s> of café<s" + TEXT + "<s>"
    encoder = row.load()(vocabulary, "gpt2")
    ids = encoder.encode(text.encode()).tolist()
    tokens = dict(enumerate(merges.token_bytes())) | {number: token.encode() for token, number in specials.items()}
    assert b"".join(tokens[token] for token in ids) == text.encode()
    assert ids[0] == 500
    assert ids[ids.index(501) + 1] == 500
    assert ids == ORACLE(vocabulary, "gpt2").encode(text.encode()).tolist()


def test_a_text_in_parts_gives_the_ids_of_the_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(jit, "RANGE_BYTES", 40)
    vocabulary = replace(Vocabulary.from_merges(train_on(TEXT, 80)), special_tokens={"times": 900, "e w": 901})
    compiled = next(row for row in ENCODERS if row.name == "jit").load()(vocabulary, "gpt2")
    expected = ORACLE(vocabulary, "gpt2").encode(TEXT.encode()).tolist()
    for _ in range(2):
        assert compiled.encode(TEXT.encode()).tolist() == expected
    broken = TEXT.encode()[:200] + b"\xff" + TEXT.encode()[200:]
    with pytest.raises(InvalidUtf8Error) as caught:
        compiled.encode(broken)
    assert caught.value.offset == 200


@each_encoder
def test_a_batch_gives_the_ids_of_each_text(row: Impl, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(jit, "RANGE_BYTES", 40)
    vocabulary = replace(Vocabulary.from_merges(train_on(TEXT, 80)), special_tokens={"times": 900})
    texts = [part.encode() for part in ["", "it", " was", "", "it was the worst of times", TEXT, "\n", " "] * 3]
    encoder = row.load()(vocabulary, "gpt2")
    expected = [ORACLE(vocabulary, "gpt2").encode(text).tolist() for text in texts]
    for workers in (1, 3):
        ids, offsets = encoder.encode_batch(texts, workers=workers)
        assert [ids[start:stop].tolist() for start, stop in pairwise(offsets)] == expected
        assert (ids.dtype, offsets.dtype) == (vocabulary.id_dtype, np.int64)
    ids, offsets = encoder.encode_batch([])
    assert (ids.dtype, ids.tolist(), offsets.tolist()) == (vocabulary.id_dtype, [], [0])
    assert encoder.encode(texts[4]).tolist() == expected[4]


@each_encoder
def test_a_byte_without_a_token_is_named(row: Impl) -> None:
    byte_ids = np.full(256, -1, np.int32)
    byte_ids[[ord("a"), ord("b")]] = 0, 1
    none = np.empty(0, np.int32)
    encoder = row.load()(Vocabulary(byte_ids, none, none, none, 2), "gpt2")
    assert encoder.encode(b"abba").tolist() == [0, 1, 1, 0]
    with pytest.raises(UsageError, match="0x63"):
        encoder.encode(b"abcab")
    assert encoder.encode(b"ba").tolist() == [1, 0]


@each_encoder
@pytest.mark.parametrize(
    ("text", "offset"), [(b"ab\xff", 2), (b"\xc3", 0), (b"a \xe4\xb8 b", 2), (b"x \xed\xa0\x80", 2)]
)
def test_invalid_utf8_is_an_error_with_its_offset(row: Impl, text: bytes, offset: int) -> None:
    with pytest.raises(InvalidUtf8Error) as caught:
        build(row, train_on(TEXT, 10)).encode(text)
    assert caught.value.offset == offset


@settings(max_examples=100 if JIT else 20, deadline=None)
@given(
    text=st.sampled_from(["ab", "aab ", "ab \n'st", "aé世🙂 1"]).flatmap(
        lambda letters: st.text(letters, max_size=80)
    ),
    n_merges=st.integers(0, 30),
)
def test_all_encoders_agree_with_the_oracle(text: str, n_merges: int) -> None:
    vocabulary = Vocabulary.from_merges(train_on(text, n_merges))
    expected = ORACLE(vocabulary, "gpt2").encode(text.encode()).tolist()
    for row in ENCODERS[1:]:
        assert row.load()(vocabulary, "gpt2").encode(text.encode()).tolist() == expected, row.name


def test_caches_that_start_again_change_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cached, "CACHE_ENTRIES", 8)
    monkeypatch.setattr(jit, "MAX_ENTRIES", 1 << 12)
    words = " ".join(f"{'word' * (1 + number % 9)}{number}" for number in range(5000))
    merges = train_on(words[:2000], 50)
    expected = ORACLE(Vocabulary.from_merges(merges), "gpt2").encode(words.encode()).tolist()
    for row in ENCODERS:
        if row.name in ("cached", "jit"):
            assert build(row, merges).encode(words.encode()).tolist() == expected


def test_cache_gives_its_memory_back_when_there_is_none(monkeypatch: pytest.MonkeyPatch) -> None:
    class Full(dict[str, list[int]]):
        cleared = 0

        def __setitem__(self, key: str, value: list[int]) -> None:
            raise MemoryError

        def clear(self) -> None:
            self.cleared += 1

    encoder = cached.CachedEncoder(Vocabulary.from_merges(train_on(TEXT, 20)), "gpt2")
    full = Full()
    monkeypatch.setattr(encoder, "_cache", full)
    expected = ORACLE(Vocabulary.from_merges(train_on(TEXT, 20)), "gpt2").encode(TEXT.encode()).tolist()
    assert encoder.encode(TEXT.encode()).tolist() == expected
    assert full.cleared
