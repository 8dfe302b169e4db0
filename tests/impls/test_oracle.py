"""The product against an oracle that shares no line with it, and the oracle against what the literature says."""

from __future__ import annotations

from pathlib import Path

import pytest
import regex
from hypothesis import given, settings
from hypothesis import strategies as st

from impls import Tokenizer
from impls.contract import Pretokens
from impls.inputs.file import TextFile
from impls.patterns import PATTERNS
from impls.pipeline import train
from impls.registry import Impl, implementations
from tests.support import oracle

pytestmark = pytest.mark.kernel

END = "<|e|>"
SPECIALS = [END, "<|e|><|e|>"]

CHARACTERS = st.sampled_from([*"aabbts'le  \n\t.,1²½éЖ中🙃\u00a0\u0301\u200b", END, "'ll", "'ve", "  ", "low", "er"])
TEXTS = st.lists(CHARACTERS, min_size=1, max_size=60).map("".join)

by_name = {"ids": lambda row: row.name}


@pytest.fixture(scope="module")
def path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("oracle") / "text.txt"


@given(text=TEXTS)
def test_the_oracle_splits_as_the_expression_does(text: str) -> None:
    assert oracle.split(text) == regex.findall(PATTERNS["gpt2"], text)


def test_the_oracle_gives_the_worked_example_of_the_course() -> None:
    counts = {"low": 5, "lower": 2, "widest": 3, "newest": 6}
    expected = "s t, e st, o w, l ow, w est, n e, ne west, w i, wi d, wid est, low e, lowe r"
    assert oracle.merges_of(counts, 12) == [tuple(pair.encode().split()) for pair in expected.split(", ")]


@pytest.mark.parametrize("row", implementations("count"), **by_name)
@settings(max_examples=25, deadline=None)
@given(text=TEXTS)
def test_counters_count_as_the_oracle(row: Impl, text: str, path: Path) -> None:
    path.write_bytes(text.encode())
    counted = row.load()(TextFile.open(path), pattern="gpt2", special_tokens=SPECIALS, workers=1)
    expected = {pretoken.encode(): times for pretoken, times in oracle.count(text, SPECIALS).items()}
    assert counted == Pretokens.from_mapping(expected)


@pytest.mark.parametrize("row", implementations("train"), **by_name)
@settings(max_examples=25, deadline=None)
@given(text=TEXTS)
def test_trainers_learn_what_the_oracle_learns(row: Impl, text: str, path: Path) -> None:
    path.write_bytes(text.encode())
    learned = train(path, 256 + 12 + len(SPECIALS), SPECIALS, impl=row.name, workers=1)
    assert list(learned.merges) == oracle.train(text, 12, SPECIALS)


@pytest.mark.parametrize("row", implementations("encode"), **by_name)
@settings(max_examples=25, deadline=None)
@given(text=TEXTS, other=TEXTS)
def test_encoders_encode_as_the_oracle(row: Impl, text: str, other: str) -> None:
    merges = oracle.train(text, 20, SPECIALS)
    tokens = [bytes([byte]) for byte in range(256)] + [left + right for left, right in merges]
    # Two merges may make one token; a vocabulary has one id for it.
    vocab = dict(enumerate(dict.fromkeys(tokens)))
    tokenizer = Tokenizer(vocab, merges, SPECIALS, impl=row.name)
    for content in (text, other):
        ids = tokenizer.encode(content)
        assert [tokenizer.vocab[token] for token in ids] == oracle.encode(content, merges, SPECIALS)
        assert tokenizer.decode(ids) == content
