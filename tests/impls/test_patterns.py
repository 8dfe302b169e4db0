"""Split patterns: nothing is lost, special tokens are atomic, and mistakes get a line that helps."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from data import adversarial
from impls.errors import UsageError
from impls.patterns import PATTERNS, Splitter, check_special_tokens, compile_pattern
from impls.pipeline import train

CUSTOM = [
    r"regex:\w+",
    r"regex:\s*",
    r"regex:(\w)(\s)?|(?P<sign>[!?])",
    r"regex:(?<=a)b|(?=b)",
    r"regex:a\Kb",
    r"regex:(?i)A",
    r'splits:["\\p{N}{1,3}", "[\u00e9-\u00ea]+", " ?\\w+|\\s+(?!\\S)"]',
    "regex: ",
    "regex:",
]
ALPHABET = "aAb\u017fsStlLve01½'\u2019!?/ \t\r\n\xa0\u3000\x85\x1céÉ語\u0301😀"


@pytest.mark.parametrize("pattern", [*PATTERNS, *CUSTOM])
@settings(max_examples=100, deadline=None)
@given(text=st.text(ALPHABET, max_size=30))
def test_pretokens_concatenate_to_the_text_and_none_is_empty(pattern: str, text: str) -> None:
    pretokens = list(Splitter(pattern).pretokens(text))
    assert "".join(pretokens) == text
    assert all(pretokens)


@pytest.mark.parametrize("pattern", PATTERNS)
def test_named_patterns_leave_nothing_unmatched(pattern: str) -> None:
    characters = "".join(map(chr, [*range(0xD800), *range(0xE000, 0x30000), *range(0xE0000, 0xE0200)]))
    for text in (
        characters,
        " ".join(characters),
        *(make(2_000).decode("utf-8", "replace") for make in adversarial.TEXTS.values()),
    ):
        assert "".join(Splitter(pattern).pretokens(text)) == text


@pytest.mark.parametrize(
    ("pattern", "text", "pretokens"),
    [
        ("gpt2", "Hello world's  12345!!\n\n x", ["Hello", " world", "'s", " ", " 12345", "!!", "\n\n", " x"]),
        ("gpt2", "WE'LL  ", ["WE", "'", "LL", "  "]),
        ("gpt4", "Hello WE'LL 12345!\n\n x", ["Hello", " WE", "'LL", " ", "123", "45", "!\n\n", " x"]),
        ("gpt4", "a\r\n\r\n  b  ", ["a", "\r\n\r\n", " ", " b", "  "]),
        ("o200k", "HelloWorld's 1234 a/b\n", ["Hello", "World's", " ", "123", "4", " a", "/b", "\n"]),
        (r"regex:\w+", "a, b. ", ["a", ", ", "b", ". "]),
        (r"regex:(\w)(\w)", "abc", ["ab", "c"]),
        ("regex:", "ab", ["ab"]),
        ("regex:x ", "x y x ", ["x ", "y ", "x "]),
        (
            "llama3",
            "Hello WE'LL 123!\n\n x\n ",
            ["Hello", " WE", "'LL", " ", "123", "!\n\n", " x", "\n", " "],
        ),
        ("gpt4", "x\n ", ["x", "\n "]),
        ("qwen2", "a123  b\n ", ["a", "1", "2", "3", " ", " b", "\n", " "]),
        (r'splits:["\\d{1,2}", "\\s+(?!\\S)"]', "a  123 ", ["a", "  ", "12", "3", " "]),
    ],
)
def test_pretokens_by_hand(pattern: str, text: str, pretokens: list[str]) -> None:
    assert list(Splitter(pattern).pretokens(text)) == pretokens


@pytest.mark.parametrize("pattern", PATTERNS)
def test_splits_equal_tiktoken(pattern: str) -> None:
    tiktoken = pytest.importorskip("tiktoken")
    text = adversarial.TEXTS["whitespace-runs"](3_000).decode() + "don't WE'LL 12345 x!\r\n"
    pretokens = [pretoken.encode() for pretoken in Splitter(pattern).pretokens(text)]
    # With every pretoken as a token, the ids show where tiktoken splits.
    tokens = dict.fromkeys([*(bytes([byte]) for byte in range(256)), *pretokens])
    ranks = {token: rank for rank, token in enumerate(tokens)}
    peer = tiktoken.Encoding("peer", pat_str=PATTERNS[pattern], mergeable_ranks=ranks, special_tokens={})
    assert peer.encode_ordinary(text) == [ranks[pretoken] for pretoken in pretokens]


@pytest.mark.parametrize(
    ("text", "special_tokens", "segments"),
    [
        ("abc", [], ["abc"]),
        ("", ["x"], [""]),
        ("a<|x|>b", ["<|x|>"], ["a", "<|x|>", "b"]),
        ("<|x|><|x|>", ["<|x|>"], ["", "<|x|>", "", "<|x|>", ""]),
        ("<|x|>y<|x|>", ["<|x|>", "<|x|>y"], ["", "<|x|>y", "", "<|x|>", ""]),
        ("abcd", ["ab", "abc", "bcd"], ["", "abc", "d"]),
        ("aaaaa", ["aa"], ["", "aa", "", "aa", "a"]),
        ("a.b*c", [".", "*", "b*"], ["a", ".", "", "b*", "c"]),
        (r"(x)[y]\d^$", ["(x)", r"\d", "^$", "[y]"], ["", "(x)", "", "[y]", "", r"\d", "", "^$", ""]),
        ("x y  z", [" ", "y  z"], ["x", " ", "", "y  z", ""]),
        ("#a\nb", ["#", "\n"], ["", "#", "a", "\n", "b"]),
        ("语é語", ["é"], ["语", "é", "語"]),
        ("ABab", ["ab"], ["AB", "ab", ""]),
    ],
)
def test_segments_are_cut_at_special_tokens_longest_first(
    text: str, special_tokens: list[str], segments: list[str]
) -> None:
    for order in (special_tokens, special_tokens[::-1]):
        assert Splitter("gpt2", order).segments(text) == segments


@settings(max_examples=200, deadline=None)
@given(st.text("ab|.é ", max_size=40), st.lists(st.text("ab|.é ", min_size=1, max_size=4), unique=True, max_size=5))
def test_segments_equal_a_search_from_left_to_right(text: str, special_tokens: list[str]) -> None:
    segments, position = [""], 0
    while position < len(text):
        found = max((t for t in special_tokens if text.startswith(t, position)), key=len, default="")
        if found:
            segments += [found, ""]
        else:
            segments[-1] += text[position]
        position += len(found) or 1
    assert Splitter("gpt2", special_tokens).segments(text) == segments


def test_corpus_pretokens_hold_no_special_token_and_span_none() -> None:
    splitter = Splitter("gpt2", ["<|x|>", " the"])
    assert list(splitter.corpus_pretokens("in<|x|>  the 's<|x|>  <|x|>")) == ["in", " ", " '", "s", "  "]


@pytest.mark.parametrize("pattern", ["gpt3", "GPT2", "", " gpt2", r"\w+", "Regex:a", None, 2])
def test_unknown_patterns_list_what_exists(pattern: Any) -> None:
    with pytest.raises(UsageError) as caught:
        compile_pattern(pattern)
    message = str(caught.value)
    assert repr(pattern) in message
    assert all(name in message for name in [*PATTERNS, "regex:EXPRESSION"])


@pytest.mark.parametrize(
    "expression",
    ["(", "[a", "*", r"\p{Foo}", "(?P<a", "a{99999999999999999999}", "(?V0)(?V1)a", "(?au)a"],
)
def test_bad_regular_expressions_are_named(expression: str) -> None:
    with pytest.raises(UsageError, match="pattern: ") as caught:
        Splitter(f"regex:{expression}")
    assert repr(f"regex:{expression}") in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("listed", ["", "[]", "[1]", '"a"', '["a"', "{}", '["("]', "[" * 9999])
def test_bad_lists_of_expressions_are_refused(listed: str) -> None:
    with pytest.raises(UsageError, match="pattern: ") as caught:
        Splitter(f"splits:{listed}")
    assert "\n" not in str(caught.value)


def test_an_expression_that_only_ends_in_spaces_keeps_them() -> None:
    assert [compiled.pattern for compiled in compile_pattern("regex:a  ")] == ["a  "]


@pytest.mark.parametrize("name", PATTERNS)
def test_named_patterns_compile_to_themselves(name: str) -> None:
    assert [compiled.pattern for compiled in compile_pattern(name)] == [PATTERNS[name]]


@pytest.mark.parametrize(
    ("special_tokens", "told"),
    [
        ("<|x|>", "'<|x|>' is one string"),
        (["a", ""], "number 1 is empty"),
        (["a", b"b"], "number 1 is b'b'"),
        ([None], "number 0 is None"),
        (["a", "b", "a"], "'a' is given twice"),
        (["a\ufffd"], "U+FFFD"),
        (["\ud800"], "lone surrogate"),
    ],
)
def test_bad_special_tokens_are_refused(special_tokens: Any, told: str) -> None:
    with pytest.raises(UsageError, match=r"^special tokens: ") as caught:
        check_special_tokens(special_tokens)
    assert told in str(caught.value)
    with pytest.raises(UsageError):
        Splitter("gpt2", special_tokens)


def test_many_special_tokens_are_checked_in_linear_time() -> None:
    tokens = [f"<{number}>" for number in range(300_000)]  # Comparing all pairs would take an hour.
    assert check_special_tokens(tokens) == tokens


def test_an_expression_that_searches_from_the_right_is_refused() -> None:
    with pytest.raises(UsageError, match="from right to left"):
        Splitter(r"regex:(?r)\w+")


def test_an_expression_that_no_file_can_hold_is_refused_before_training(tmp_path: Path) -> None:
    (tmp_path / "text.txt").write_text("the cat")
    for use in (Splitter, lambda pattern: train(tmp_path / "text.txt", 260, pattern=pattern)):
        with pytest.raises(UsageError, match=r"lone surrogate .* at character 8, which has no UTF-8 form; remove it"):
            use("regex:a|\ud800")


def test_good_special_tokens_are_returned_in_order() -> None:
    assert check_special_tokens(("b", "a", " ", "é", "😀")) == ["b", "a", " ", "é", "😀"]
    assert check_special_tokens([]) == []
