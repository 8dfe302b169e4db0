"""Byte-level BPE once more, from the papers alone: slow, plain, and without a line of the product.

Tokens are byte strings everywhere, not ids; a word is a tuple of tokens. Training follows Sennrich, Haddow and Birch
2016 (https://arxiv.org/abs/1508.07909); a text is encoded by applying every merge once, in order of rank.
"""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Mapping, Sequence

import regex

Word = tuple[bytes, ...]
Pair = tuple[bytes, bytes]

SUFFIXES = ("s", "t", "d", "m", "ll", "ve", "re")


def kind(character: str) -> str:
    """Class of a character in GPT-2's split: space, letter, number, or other."""
    for name, expression in (("space", r"\s"), ("letter", r"\p{L}"), ("number", r"\p{N}")):
        if regex.fullmatch(expression, character):
            return name
    return "other"


def run_end(kinds: list[str], start: int) -> int:
    """Where the run of characters of one class ends that begins at `start`."""
    end = start
    while end < len(kinds) and kinds[end] == kinds[start]:
        end += 1
    return end


def split(text: str) -> list[str]:
    """Pretokens of GPT-2's pattern, found by rules instead of an expression."""
    kinds = [kind(character) for character in text]
    pretokens: list[str] = []
    place = 0
    while place < len(text):
        end = pretoken_end(text, kinds, place)
        pretokens.append(text[place:end])
        place = end
    return pretokens


def pretoken_end(text: str, kinds: list[str], place: int) -> int:
    for suffix in SUFFIXES:
        if text.startswith("'" + suffix, place):
            return place + 1 + len(suffix)
    if kinds[place] != "space":
        return run_end(kinds, place)
    if text[place] == " " and place + 1 < len(text) and kinds[place + 1] != "space":
        return run_end(kinds, place + 1)
    end = run_end(kinds, place)
    # The last space of a run belongs to the word after it, unless it is the only one and no blank.
    return end - 1 if end < len(text) and end - place > 1 else end


def segments(text: str, special_tokens: list[str]) -> list[tuple[str, bool]]:
    """The text between special tokens and the special tokens, with whether it is one; the longest wins."""
    found: list[tuple[str, bool]] = []
    ordinary, place = "", 0
    while place < len(text):
        here = [token for token in special_tokens if text.startswith(token, place)]
        if not here:
            ordinary += text[place]
            place += 1
            continue
        longest = max(here, key=len)
        found += [(ordinary, False), (longest, True)]
        ordinary, place = "", place + len(longest)
    return [*found, (ordinary, False)]


def word_of(pretoken: str) -> Word:
    return tuple(bytes([byte]) for byte in pretoken.encode())


def joined(word: Word, pair: Pair) -> Word:
    """The word with every occurrence of the pair made one token, left to right."""
    tokens: list[bytes] = []
    rest = list(word)
    while rest:
        if tuple(rest[:2]) == pair:
            tokens.append(pair[0] + pair[1])
            del rest[:2]
        else:
            tokens.append(rest.pop(0))
    return tuple(tokens)


def count(text: str, special_tokens: list[str]) -> Counter[str]:
    """How often each pretoken stands between the special tokens."""
    pieces = [piece for piece, special in segments(text, special_tokens) if not special]
    return Counter(pretoken for piece in pieces for pretoken in split(piece))


def train(text: str, n_merges: int, special_tokens: list[str]) -> list[Pair]:
    """Merges of a text, in order."""
    return merges_of(count(text, special_tokens), n_merges)


def merged(word: Word, merges: Sequence[Pair]) -> Word:
    """The word after each merge was applied once, in order."""
    for pair in merges:
        word = joined(word, pair)
    return word


def merges_of(
    counts: Mapping[str, int],
    n_merges: int,
    min_frequency: int = 1,
    max_token_bytes: int = sys.maxsize,
    first: Sequence[Pair] = (),
) -> list[Pair]:
    """Merges of pretokens after the `first` merges, counted anew each time: the most frequent pair, of equals the
    greatest; rarer pairs and pairs of more bytes are as if they were not there."""
    words = [(merged(word_of(pretoken), first), times) for pretoken, times in counts.items()]
    merges: list[Pair] = []
    for _ in range(n_merges):
        pairs: Counter[Pair] = Counter()
        for word, times in words:
            for place in range(len(word) - 1):
                pairs[word[place], word[place + 1]] += times
        allowed = [
            pair for pair in pairs if pairs[pair] >= min_frequency and len(pair[0] + pair[1]) <= max_token_bytes
        ]
        if not allowed:
            break
        best = max(allowed, key=lambda pair: (pairs[pair], pair))
        merges.append(best)
        words = [(joined(word, best), times) for word, times in words]
    return merges


def encode(text: str, merges: list[Pair], special_tokens: list[str]) -> list[bytes]:
    """Tokens of a text, special tokens included."""
    tokens: list[bytes] = []
    for piece, special in segments(text, special_tokens):
        if special:
            tokens.append(piece.encode())
            continue
        for pretoken in split(piece):
            tokens += merged(word_of(pretoken), merges)
    return tokens
