"""`count_tokens`: the number of ids of `encode`, and with a limit no more than is needed of the text."""

from __future__ import annotations

from functools import cache
from unittest.mock import patch

import pytest
from hypothesis import given
from hypothesis import strategies as st

from impls import InvalidUtf8Error, Tokenizer, UsageError, token_count
from impls.encode.cached import CachedEncoder
from tests.impls.test_course import END, as_cases
from tests.support.tokenizers import BYTES, SMALL_FUZZ, TEXTS, Merge

MERGES = [(b" ", b"t"), (b"h", b"e"), (b" t", b"he"), (b"1", b"2")]


@cache
def tokenizer(impl: str, pattern: str = "gpt2") -> Tokenizer:
    made = {300 + i: left + right for i, (left, right) in enumerate(MERGES)}
    return Tokenizer(BYTES | made, MERGES, [END], impl=impl, pattern=pattern)


@pytest.mark.kernel
@pytest.mark.parametrize("impl", as_cases("encode"))
@pytest.mark.parametrize("pattern", ["gpt2", "gpt4", r"regex:\S+"])
@given(text=TEXTS, limit=st.integers(0, 80), special=st.sampled_from(["all", "none"]))
@SMALL_FUZZ
def test_the_count_is_the_number_of_ids_or_one_more_than_the_limit(
    impl: str, pattern: str, text: str, limit: int, special: str
) -> None:
    ours = tokenizer(impl, pattern)
    n_ids = len(ours.encode(text, special=special))  # type: ignore[arg-type]
    assert ours.count_tokens(text, special=special) == n_ids  # type: ignore[arg-type]
    with patch.object(token_count, "LEAST_BYTES", 3):
        for form in (text, text.encode()):
            assert ours.count_tokens(form, limit, special=special) == min(n_ids, limit + 1)  # type: ignore[arg-type]


def test_text_beyond_the_limit_is_not_encoded(trained: tuple[dict[int, bytes], list[Merge]]) -> None:
    ours = Tokenizer(*trained, impl="cached")
    longest = max(map(len, ours.vocab.values()))
    encoded: list[int] = []
    encode = CachedEncoder.encode

    def noted(self: CachedEncoder, text: bytes, **options: int) -> object:
        encoded.append(len(text))
        return encode(self, text, **options)

    with patch.object(CachedEncoder, "encode", noted):
        for n_words in (2_000, 20_000, 200_000):
            assert ours.count_tokens("the cat, " * n_words, 1000) == 1001
        # So short that it could have few tokens; it has more, and they are found before its end.
        text = "x " * (1000 * longest // 2)
        assert ours.count_tokens(text, 1000) == 1001
    assert sum(encoded) < len(text) / 2
    assert len(encoded) > 0


def test_errors() -> None:
    ours = tokenizer("cached")
    for limit in (-1, 0.5, "many"):
        with pytest.raises(UsageError, match="limit"):
            ours.count_tokens("a", limit)  # type: ignore[arg-type]
    with pytest.raises(UsageError, match="mode"):
        ours.count_tokens("a" * 1000, 1, special="some")  # type: ignore[arg-type]
    with pytest.raises(UsageError, match="endoftext"):
        ours.count_tokens(f"a{END}", 1000, special="none_raise")
    with pytest.raises(InvalidUtf8Error, match="byte 1"):
        ours.count_tokens(b"a\xff", 1000)
    with pytest.raises(UsageError, match="neither"):
        ours.count_tokens(5, 3)  # type: ignore[arg-type]
