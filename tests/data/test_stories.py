"""The story generator: deterministic bytes, stable prefixes, the vocabulary statistics of TinyStories."""

import hashlib
from collections import Counter

import pytest
import regex
from hypothesis import given, settings
from hypothesis import strategies as st

from data import catalogue, stories

GPT2 = regex.compile(r"'(?:[sdmt]|ll|ve|re)| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+")
LONG = b"".join(stories.chunks(1_300_000))


def text(n_bytes: int, seed: int = 0) -> bytes:
    return b"".join(stories.chunks(n_bytes, seed))


def pretokens(n_bytes: int) -> Counter[str]:
    counts: Counter[str] = Counter()
    for chunk in stories.chunks(n_bytes):  # a chunk ends between stories
        counts.update(GPT2.findall(chunk.decode()))
    return counts


def test_digest_is_that_of_the_row() -> None:
    row = catalogue.find("stories")
    assert row.bytes is not None
    assert hashlib.sha256(text(row.bytes)).hexdigest() == row.sha256


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 1_200_000))
def test_prefix_is_stable_but_for_a_last_word(n_bytes: int) -> None:
    short = text(n_bytes)
    assert len(short) == n_bytes
    kept = short.rstrip(b"\n")
    assert LONG.startswith(kept)
    assert LONG[len(kept) : len(kept) + 1].isspace() or not kept or LONG[len(kept) - 1 : len(kept)].isspace()
    # What the newlines stand in for is at most whitespace and the beginning of one word.
    assert len(LONG[len(kept) : n_bytes].split()) <= 1
    short.decode()


@pytest.mark.parametrize("n_bytes", [0, 1, 2, 5])
def test_tiny_sizes(n_bytes: int) -> None:
    assert len(text(n_bytes)) == n_bytes


def test_every_cut_is_a_character_boundary() -> None:
    accent = next(i for i, byte in enumerate(LONG) if byte >= 0x80)
    for n_bytes in range(accent - 3, accent + 4):
        assert len(text(n_bytes).decode().encode()) == n_bytes


def test_negative_size_is_refused() -> None:
    with pytest.raises(ValueError, match="at least 0"):
        text(-1)


def test_seeds_tell_other_stories() -> None:
    assert text(5_000, seed=1) == text(5_000, seed=1) != text(5_000, seed=2)


def test_chunks_are_bounded() -> None:
    assert max(map(len, stories.chunks(5_000_000))) < 2_000_000


def test_stories_are_documents_with_paragraphs_and_names() -> None:
    told = LONG.decode().split(stories.SEPARATOR)[:-1]
    assert len(told) > 1_000
    assert all(2 <= story.count("\n") + 1 <= 9 for story in told)
    assert all(story[0].isupper() and story[-1] in '."!?' for story in told)
    assert not any(mark in story for story in told for mark in ("{", "}", "%", "  "))
    assert len(set(told)) == len(told)


def test_words_of_one_class_differ_within_a_story() -> None:
    for one, other in regex.findall(r"was number (\d+), and \w+ was number (\d+)", LONG.decode()):
        assert one != other


def test_articles_agree() -> None:
    assert not regex.findall(r"\b[Aa] [aeiou]\w+", LONG.decode())
    assert not regex.findall(r"\b[Aa]n [^aeiou\W]\w+", LONG.decode())


def test_vocabulary_grows_as_in_tinystories() -> None:
    eighth, whole = pretokens(281_250), pretokens(2_250_000)
    assert 550_000 * 0.9 < whole.total() < 550_000 * 1.1
    assert 5_900 * 0.9 < len(whole) < 5_900 * 1.1
    # Heaps: eight times the text, about twice the words (the common words weaken it at this size).
    assert 1.7 < len(whole) / len(eighth) < 2.2


def test_frequencies_are_zipfian() -> None:
    counts = [count for _, count in pretokens(2_250_000).most_common()]
    assert 0.03 < counts[0] / sum(counts) < 0.2
    assert sum(counts[:100]) > 0.5 * sum(counts)
    assert sum(count == 1 for count in counts) > 0.15 * len(counts)


@pytest.mark.slow
def test_vocabulary_at_the_size_of_the_validation_split() -> None:
    counts = pretokens(22_500_000)
    assert 5_500_000 * 0.9 < counts.total() < 5_500_000 * 1.1
    assert 13_100 * 0.9 < len(counts) < 13_100 * 1.1
    assert 4.09 * 0.95 < 22_500_000 / counts.total() < 4.09 * 1.05
