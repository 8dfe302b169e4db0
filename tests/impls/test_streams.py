"""A stream of strings has the ids of the joined text, however it is cut."""

from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from impls import Tokenizer
from impls.patterns import PATTERNS
from tests.impls.test_course import END
from tests.support.tokenizers import BYTES, FUZZ, TEXTS, Merge, chunked, streamed


@pytest.mark.parametrize("pattern", [*PATTERNS, r"regex:\S+"])
@pytest.mark.parametrize("specials", [[], [END], [END, END + END, " ", "the"]])
def test_a_stream_cut_anywhere_gives_the_ids_of_the_whole(
    pattern: str, specials: list[str], trained: tuple[dict[int, bytes], list[Merge]]
) -> None:
    tokenizer = Tokenizer(*trained, specials, pattern=pattern)
    text = f"it's 12  \r\n é🙃{END}{END} the\x85end <|endof text|>{END}"
    expected = tokenizer.encode(text)
    for place in range(len(text) + 1):
        assert streamed(tokenizer, [text[:place], text[place:]], 1) == expected
    assert streamed(tokenizer, list(text), 1) == expected


@pytest.mark.parametrize("pattern", [*PATTERNS, r"regex:\S+"])
@given(text=TEXTS, places=st.lists(st.integers(0, 80), max_size=12), buffer=st.integers(1, 12))
@FUZZ
def test_a_stream_in_random_chunks_gives_the_ids_of_the_whole(
    pattern: str, text: str, places: list[int], buffer: int, trained: tuple[dict[int, bytes], list[Merge]]
) -> None:
    tokenizer = Tokenizer(*trained, [END, END + END], pattern=pattern)
    assert streamed(tokenizer, chunked(text, places), buffer) == tokenizer.encode(text)


@given(
    specials=st.lists(st.text("ab \né", min_size=1, max_size=4), max_size=4, unique=True),
    text=st.text("ab \né", max_size=30),
    places=st.lists(st.integers(0, 30), max_size=8),
    buffer=st.integers(1, 6),
)
@FUZZ
def test_streams_cut_no_special_token_in_two(specials: list[str], text: str, places: list[int], buffer: int) -> None:
    tokenizer = Tokenizer({**BYTES, 256: b" a", 257: b"  "}, [(b" ", b"a"), (b" ", b" ")], specials)
    assert streamed(tokenizer, chunked(text, places), buffer) == tokenizer.encode(text)


@pytest.mark.parametrize("pattern", ["gpt2", r"regex:\S+"])
def test_a_stream_is_read_only_as_far_as_needed(pattern: str) -> None:
    n_parts, n_read = 10_000, 0

    def parts() -> Iterator[str]:
        nonlocal n_read
        for _ in range(n_parts):
            n_read += 1
            yield f"a story of {'many ' * 20}words{END}"

    ids = Tokenizer(BYTES, [], [END], pattern=pattern).encode_iterable(parts())
    assert n_read == 0
    assert next(ids) == ord("a")
    assert 0 < n_read < n_parts // 10
