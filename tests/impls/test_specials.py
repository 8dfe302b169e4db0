"""Special tokens are found as `regex` finds them, the longest first, however they lie in a block."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from impls.kernels.helpers import JIT
from impls.kernels.specials import pack_specials
from impls.patterns import Splitter
from tests.impls.test_scan import special_spans

pytestmark = pytest.mark.kernel


def special_places(text: str, special_tokens: Sequence[str], end: int | None = None) -> list[tuple[int, int]]:
    data = np.frombuffer(text.encode(), np.uint8)
    spans = np.empty((len(data) + 1, 2), np.int64)
    specials = pack_specials(dict.fromkeys(special_tokens, 0))
    n_spans = special_spans(data, len(data) if end is None else end, specials, spans)
    return [(int(start), int(length)) for start, length in spans[:n_spans]]


def reference_places(text: str, special_tokens: Sequence[str]) -> list[tuple[int, int]]:
    places, position = [], 0
    for index, segment in enumerate(Splitter("gpt2", special_tokens).segments(text)):
        length = len(segment.encode())
        if index % 2:
            places.append((position, length))
        position += length
    return places


@pytest.mark.parametrize("order", [1, -1])
@pytest.mark.parametrize(
    ("text", "special_tokens"),
    [
        ("no special token here", []),
        ("no special token here", ["<|end|>"]),
        ("<|end|>", ["<|end|>"]),
        ("<|end|><|end|>", ["<|end|>"]),
        ("a<|end|>b<|end|", ["<|end|>"]),
        ("<|e|><|e|>x|><|e|", ["<|e|>", "<|e|>x", "|>"]),
        ("aaaaaaa", ["aa", "aaa"]),
        ("abcabc", ["ab", "bc", "c"]),
        ("x.*+y()|z", [".*", "()|", "+y"]),
        ("é語é語語", ["é語", "語", "é"]),
        ("a b  c ", [" ", "  "]),
    ],
)
def test_special_tokens_are_found_longest_first(text: str, special_tokens: list[str], order: int) -> None:
    special_tokens = special_tokens[::order]
    assert special_places(text, special_tokens) == reference_places(text, special_tokens)


@settings(max_examples=300 if JIT else 60, deadline=None)
@given(st.text("ab|é", max_size=40), st.lists(st.text("ab|é", min_size=1, max_size=4), unique=True, max_size=5))
def test_special_tokens_are_found_like_regex(text: str, special_tokens: list[str]) -> None:
    assert special_places(text, special_tokens) == reference_places(text, special_tokens)


@pytest.mark.parametrize("special_tokens", [["<|end|>"], ["<|end|>", "<|end|><|end|>"], ["<|end|>", "x<"], ["<"]])
def test_special_tokens_in_a_text_longer_than_a_block(special_tokens: list[str]) -> None:
    text = "".join(f"{'x' * gap}<|end|>{'<' * (gap % 3)}" for gap in range(140))
    assert special_places(text, special_tokens) == reference_places(text, special_tokens)


def test_a_special_token_that_spans_the_end_is_not_found() -> None:
    assert special_places("x<|end|>", ["<|end|>", "x<|"], end=7) == [(0, 3)]
    assert special_places("x<|end|>", ["<|end|>"], end=7) == []
    assert special_places("x<|end|>", ["<|end|>"], end=8) == [(1, 7)]
