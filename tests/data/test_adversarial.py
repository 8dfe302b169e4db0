"""The adversarial texts: exact sizes, whole characters, and each one's own property."""

import hashlib
import unicodedata
from collections import Counter

import pytest
import regex

from data import adversarial, catalogue

GPT2 = regex.compile(r"'(?:[sdmt]|ll|ve|re)| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+")
SIZES = [*range(70), 1_000, 8_112, 65_537]


@pytest.mark.parametrize("name", adversarial.TEXTS)
def test_size_is_exact_and_utf8_is_whole(name: str) -> None:
    for n_bytes in SIZES:
        text = adversarial.TEXTS[name](n_bytes)
        assert len(text) == n_bytes
        if name != "invalid-utf8":
            text.decode()


@pytest.mark.parametrize("name", adversarial.TEXTS)
def test_row_holds_the_digest(name: str) -> None:
    row = catalogue.find(name)
    assert row.bytes is not None
    assert hashlib.sha256(adversarial.TEXTS[name](row.bytes)).hexdigest() == row.sha256


def test_every_text_has_a_docstring_and_a_row() -> None:
    assert all(text.__doc__ for text in adversarial.TEXTS.values())
    assert set(adversarial.TEXTS) <= set(catalogue.names())


def test_ties() -> None:
    pretokens = Counter(GPT2.findall(adversarial.ties(3 * 8_112).decode()))
    assert pretokens.pop(".") == 3 * 2_704
    assert set(pretokens.values()) == {3}
    assert len(pretokens) == 2_704


def test_one_letter() -> None:
    assert adversarial.one_letter(5) == b"aaaaa"


def test_no_spaces() -> None:
    text = adversarial.no_spaces(10_000).decode()
    assert GPT2.findall(text) == [text]
    assert len(set(text)) == 26
    assert adversarial.no_spaces(100) == text[:100].encode()


def test_unicode_classes() -> None:
    found = {unicodedata.ucd_3_2_0.category(char) for char in adversarial.unicode_classes(100_000).decode()}
    every = {unicodedata.ucd_3_2_0.category(chr(code)) for code in range(0x110000)}
    assert found == every - {"Cs"}
    assert len(found) == 29


def test_crlf() -> None:
    text = adversarial.crlf(1_000)
    assert b"\r\n\r\n" in text
    assert regex.search(rb"\r(?!\n)", text)
    assert regex.search(rb"\n\r", text)


def test_emoji() -> None:
    text = adversarial.emoji(5_000).decode()
    assert "\u200d" in text
    assert "\ufe0f" in text
    assert "\U0001f1ea\U0001f1f8" in text
    assert "\U000e007f" in text


def test_special_tokens() -> None:
    assert adversarial.special_tokens(30) == b"<|endoftext|><|endoftext|>\n\n\n\n"


def test_whitespace_runs() -> None:
    text = adversarial.whitespace_runs(50_000).decode()
    assert max(map(len, regex.findall(r" +", text))) >= 40
    assert set(regex.findall(r"\s", text)) >= set(" \t\n\r\v\f\x85\xa0\u2003\u3000")


@pytest.mark.parametrize("n_bytes", range(1, 130))
def test_invalid_utf8_is_invalid_at_any_size(n_bytes: int) -> None:
    with pytest.raises(UnicodeDecodeError):
        adversarial.invalid_utf8(n_bytes).decode()


def test_one_pretoken() -> None:
    assert set(GPT2.findall(adversarial.one_pretoken(6_000).decode())) == {" again"}
