"""`StreamDecoder`: for every way to cut hostile bytes into tokens, the parts joined are the decoded whole."""

from __future__ import annotations

import copy
import pickle
from collections.abc import Iterator, Sequence
from itertools import combinations, pairwise, product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from impls import StreamDecoder, Tokenizer, UsageError
from tests.support.tokenizers import BYTES, FUZZ

HOSTILE = {
    "characters of each length": "aé中🙃".encode(),
    "overlong": b"\xc0\xaf\xe0\x80\xaf\xf0\x80\x80\xaf",
    "surrogates": b"\xed\xa0\x80\xed\xb0\x80x",
    "beyond Unicode": b"\xf4\x90\x80\x80\xf5\xff",
    "cut short": b"\xf0\x9f\x99a\xe4\xb8b\xc3",
    "continuations": b"\x80\xbf\xc3\xa9\x80",
    "no-break space, mark, BOM": "\ufeff e\u0301\u00a0".encode(),
    "last and first of each length": "\u007f\u0080\u07ff\u0800".encode(),
    "astral ends": "\uffff\U00010000".encode() + b"\xf4\x8f\xbf\xbf",
}


def pieces(content: bytes) -> Iterator[list[bytes]]:
    """Every way to cut bytes into tokens."""
    for n in range(len(content)):
        for places in combinations(range(1, len(content)), n):
            yield [content[start:stop] for start, stop in pairwise([0, *places, len(content)])]


def streamed(tokens: Sequence[bytes]) -> tuple[list[str], str]:
    """What a decoder says to each token, and at the end."""
    ids = {token: i for i, token in enumerate(dict.fromkeys(tokens))}
    decoder = Tokenizer({i: token for token, i in ids.items()}, []).stream_decoder()
    return [decoder.push(ids[token]) for token in tokens], decoder.flush()


@pytest.mark.parametrize("name", HOSTILE)
def test_every_split_gives_the_text_of_the_whole(name: str) -> None:
    content = HOSTILE[name]
    for tokens in pieces(content):
        said, last = streamed(tokens)
        assert "".join(said) + last == content.decode(errors="replace")


def test_all_short_byte_strings_of_the_bytes_that_matter() -> None:
    kinds = [0x41, 0x80, 0x8F, 0x90, 0x9F, 0xA0, 0xBF, 0xC2, 0xE0, 0xED, 0xEF, 0xF0, 0xF4, 0xF5]
    decoder = StreamDecoder(Tokenizer(BYTES, []).definition)
    for content in map(bytes, product(kinds, repeat=4)):
        said = "".join(map(decoder.push, content)) + decoder.flush()
        assert said == content.decode(errors="replace"), content


@given(tokens=st.lists(st.binary(min_size=1, max_size=5), max_size=8))
@FUZZ
def test_random_tokens(tokens: list[bytes]) -> None:
    said, last = streamed(tokens)
    assert "".join(said) + last == b"".join(tokens).decode(errors="replace")


@pytest.mark.parametrize("text", ["aé中🙃", "🙃\u0301中"])
def test_a_character_comes_whole_with_its_last_byte(text: str) -> None:
    said, last = streamed([bytes([byte]) for byte in text.encode()])
    assert last == ""
    assert [part for part in said if part] == list(text)
    ends = {len(text[: i + 1].encode()) - 1: character for i, character in enumerate(text)}
    assert said == [ends.get(place, "") for place in range(len(said))]


def test_text_is_given_as_soon_as_it_is_certain() -> None:
    assert streamed([b"a", b"\xf0", b"\x9f\x99", b"b", b"\xc3"]) == (["a", "", "", "\ufffdb", ""], "\ufffd")
    assert streamed([b"\xff", b"\x80", b"\xc3", b"\xa9"]) == (["\ufffd", "\ufffd", "", "é"], "")


def test_an_unknown_id_changes_nothing_and_flush_begins_anew() -> None:
    decoder = StreamDecoder(Tokenizer(BYTES, []))
    assert decoder.push(0xC3) == ""
    for junk, told in ((256, "256"), (-1, "-1"), ("a", "'a'"), (True, "True")):
        with pytest.raises(UsageError, match=told):
            decoder.push(junk)  # type: ignore[arg-type]
    assert decoder.push(0xA9) == "é"
    assert (decoder.push(0xE4), decoder.flush(), decoder.flush(), decoder.push(0x41)) == ("", "\ufffd", "", "A")
    with pytest.raises(UsageError, match="no vocabulary"):
        StreamDecoder("tokenizer")  # type: ignore[arg-type]


@pytest.mark.parametrize("duplicate", [copy.copy, copy.deepcopy, lambda it: pickle.loads(pickle.dumps(it))])
def test_a_copy_goes_on_by_itself(duplicate) -> None:  # type: ignore[no-untyped-def]
    decoder = StreamDecoder(Tokenizer(BYTES, []))
    decoder.push(0xC3)
    other = duplicate(decoder)
    assert (other.push(0xA9), decoder.push(0xA8)) == ("é", "è")
    assert (other.flush(), decoder.flush()) == ("", "")


def test_what_waits_does_not_grow() -> None:
    decoder = StreamDecoder(Tokenizer(BYTES, []))
    for byte in b"\x80\xf0\x9f\x99" * 1000:
        decoder.push(byte)
        assert len(decoder._waiting) <= 3
