"""tiktoken's rank files: merges recovered from ranks give tiktoken's ids, and its `Encoding` gives ours."""

from __future__ import annotations

import json
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from data import get
from impls import FileFormatError, Tokenizer, UsageError
from impls.formats import tiktoken as format_
from impls.formats.ranks import merges_of_ranks
from impls.formats.tiktoken import KNOWN, Known, definition_of
from impls.kernels.helpers import JIT
from impls.patterns import PATTERNS
from tests.support.tokenizers import BYTES

pytestmark = pytest.mark.kernel

END = "<|endoftext|>"
OWN = [r"regex:[a-z]+", r"regex: ?\p{L}+|\p{N}|[^\p{L}\p{N}]+"]
EVERY = list(BYTES.values())


def by_ranks(text: bytes, ranks: dict[bytes, int]) -> list[int]:
    """Join the first two neighbours whose joined bytes have the lowest rank, until none has a rank."""
    parts = [text[place : place + 1] for place in range(len(text))]
    while len(parts) > 1:
        found = [ranks.get(one + other, 1 << 60) for one, other in pairwise(parts)]
        if min(found) == 1 << 60:
            break
        best = found.index(min(found))
        parts[best : best + 2] = [parts[best] + parts[best + 1]]
    return [ranks[part] for part in parts]


@settings(max_examples=150 if JIT else 30, deadline=None)
@given(st.lists(st.text("abc", min_size=2, max_size=20), unique=True, max_size=25), st.text("abc ", max_size=40))
def test_recovered_merges_give_the_tokens_of_the_ranks(words: list[str], text: str) -> None:
    tokens = [*EVERY, *(word.encode() for word in words)]
    try:
        definition = definition_of(tokens, list(range(len(tokens))), Known("x", "gpt2", {}), "ranks")
    except FileFormatError:
        return  # Out of order or out of reach; the next test makes tokens that are neither.
    ranks = {token: rank for rank, token in enumerate(tokens)}
    pretokens = text.replace(" ", "  ").split(" ")
    expected = [token for pretoken in pretokens for token in by_ranks(pretoken.encode(), ranks)]
    tokenizer = Tokenizer.from_definition(definition, impl="heap")
    assert [token for pretoken in pretokens for token in tokenizer.encode(pretoken)] == expected


@settings(max_examples=200 if JIT else 20, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 60), st.integers(0, 60)), max_size=40), st.text("abcd", max_size=60))
def test_grown_vocabularies_are_recovered(choices: list[tuple[int, int]], text: str) -> None:
    tokens = [b"a", b"b", b"c", b"d", *(token for token in EVERY if token not in b"abcd")]
    for left, right in choices:
        grown = [*tokens[:4], *tokens[256:]]
        token = grown[left % len(grown)] + grown[right % len(grown)]
        if token not in tokens and len(token) < 64:
            tokens.append(token)
    ranks = {token: rank for rank, token in enumerate(tokens)}
    left_places, right_places, merged = merges_of_ranks(tokens, "ranks")
    # Every token was made of two older ones, but it is not always reached by merging its bytes.
    reached = [rank for token, rank in ranks.items() if len(token) > 1 and by_ranks(token, ranks) == [rank]]
    assert merged.tolist() == reached
    assert all(
        tokens[one] + tokens[other] == tokens[made]
        for one, other, made in zip(left_places, right_places, merged, strict=True)
    )
    if len(merged) == len(tokens) - 256 and (np.stack([left_places, right_places]) < merged).all():
        definition = definition_of(tokens, list(ranks.values()), Known("", "regex:", {}), "")
        assert Tokenizer.from_definition(definition, impl="heap").encode(text) == by_ranks(text.encode(), ranks)


@pytest.fixture(scope="module", params=[*PATTERNS, *OWN])
def trained(request: pytest.FixtureRequest) -> Tokenizer:
    from impls import train_bpe

    path = get("stdlib", 60_000)
    vocab, merges = train_bpe(path, 700, [END, "<s>"], pattern=request.param, impl="incremental")
    return Tokenizer(vocab, merges, [END, "<s>"], pattern=request.param)


@pytest.mark.parametrize("corpus", ["stories", "unicode-classes", "whitespace-runs", "crlf"])
def test_an_encoding_gives_our_ids(trained: Tokenizer, corpus: str) -> None:
    pytest.importorskip("tiktoken")
    text = get(corpus, 5_000).read_bytes().decode() + f"{END}don't 12345<s>\n "
    encoding = trained.to_tiktoken("mine")
    ids = trained.encode(text)
    assert encoding.encode(text, allowed_special="all") == ids
    assert encoding.encode_ordinary(text) == trained.encode(text, special="none")
    assert (encoding.name, encoding.decode(ids)) == ("mine", text)


def test_a_rank_file_comes_back_with_pattern_and_special_tokens(trained: Tokenizer, tmp_path: Path) -> None:
    pytest.importorskip("tiktoken")
    format_.write(tmp_path / "my.tiktoken", trained.definition)
    for path in (tmp_path, tmp_path / "my.tiktoken"):
        loaded = Tokenizer.load(path)
        assert (loaded, loaded.origin) == (trained, "tiktoken")


def test_tiktoken_reads_what_is_written(trained: Tokenizer, tmp_path: Path) -> None:
    load = pytest.importorskip("tiktoken.load")
    format_.write(tmp_path / "my.tiktoken", trained.definition)
    ranks = load.load_tiktoken_bpe(str(tmp_path / "my.tiktoken"))
    settings_ = json.loads((tmp_path / "my.tiktoken.json").read_bytes())
    special = settings_["special_tokens"]
    assert {**ranks, **{token.encode(): rank for token, rank in special.items()}} == {
        token: rank for rank, token in trained.vocab.items()
    }


def test_gaps_between_ids_and_any_order_of_lines_are_kept(tmp_path: Path) -> None:
    tokenizer = Tokenizer(
        {3 * rank + 7: token for rank, token in enumerate([*EVERY, b"th", b"the"])}, [(b"t", b"h"), (b"th", b"e")]
    )
    format_.write(tmp_path / "gaps.tiktoken", tokenizer.definition)
    lines = (tmp_path / "gaps.tiktoken").read_bytes().splitlines(keepends=True)
    (tmp_path / "gaps.tiktoken").write_bytes(b"".join(reversed(lines)))
    assert Tokenizer.load(tmp_path / "gaps.tiktoken") == tokenizer


@pytest.mark.parametrize(
    ("vocab", "merges", "told"),
    [
        ({**BYTES, 256: b"the", 257: b"th"}, [(b"t", b"h"), (b"th", b"e")], "not in the order of ids"),
        ({**BYTES, 256: b"th", 257: b"never"}, [(b"t", b"h")], "no merges make the token b'never'"),
        ({byte: token for byte, token in BYTES.items() if byte}, [], "byte 0x00 has no token"),
    ],
)
def test_what_ranks_cannot_hold_is_refused(
    vocab: dict[int, bytes], merges: list[tuple[bytes, bytes]], told: str
) -> None:
    with pytest.raises(UsageError, match=told) as caught:
        format_.contents(Tokenizer(vocab, merges).definition)
    assert "\n" not in str(caught.value)


def test_patterns_that_tiktoken_cannot_have_are_refused() -> None:
    with pytest.raises(UsageError, match="splits a text only once"):
        Tokenizer(BYTES, [], pattern='splits:["a", "b"]').to_tiktoken()
    with pytest.raises(UsageError, match=r"tiktoken: .*; (export to|choose one of) "):
        Tokenizer(BYTES, [], pattern=r"regex:(?|a(b)|c(d))|.").to_tiktoken()


def test_the_known_files_have_the_special_tokens_of_tiktoken() -> None:
    public = pytest.importorskip("tiktoken_ext.openai_public")
    assert {known.name for known in KNOWN.values()} - {"qwen"} <= set(public.ENCODING_CONSTRUCTORS)
    with pytest.MonkeyPatch.context() as patch:
        wanted: dict[str, str] = {}
        patch.setattr(public, "load_tiktoken_bpe", lambda _, expected_hash: wanted.update(digest=expected_hash) or {})
        for digest, known in KNOWN.items():
            if known.name != "qwen":
                made = public.ENCODING_CONSTRUCTORS[known.name]()
                assert (wanted["digest"], made["special_tokens"]) == (digest, known.special_tokens)
                assert format_._DIALECT[made["pat_str"]] == known.pattern
