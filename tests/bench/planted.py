"""Implementations with a fault each, which a trial has to find, name and show."""

from __future__ import annotations

import collections
import time
from itertools import pairwise
from typing import Any

import numpy as np

from impls.contract import Ids, Merges, Pretokens
from impls.encode.heap import HeapEncoder
from impls.inputs.text import Text
from impls.patterns import Splitter
from impls.train.naive import merge_pair


def swaps_ties(pretokens: Pretokens, *, n_merges: int, tie_break: str = "greatest", on_merge: Any = None) -> Merges:
    """The ladder's `weighted`, but a tie goes to the pair whose right token is the greatest."""
    del tie_break, on_merge
    sequences, weights = [list(one) for one in pretokens.to_mapping()], pretokens.counts.tolist()
    tokens = Merges.from_pairs([]).token_bytes()
    merges: list[tuple[int, int]] = []
    while len(merges) < n_merges:
        counts: collections.Counter[tuple[int, int]] = collections.Counter()
        for ids, weight in zip(sequences, weights, strict=True):
            for pair in pairwise(ids):
                counts[pair] += weight
        if not counts:
            break
        best = max(counts, key=lambda pair: (counts[pair], tokens[pair[1]], tokens[pair[0]]))
        tokens.append(tokens[best[0]] + tokens[best[1]])
        sequences = [merge_pair(ids, best, len(tokens) - 1) for ids in sequences]
        merges.append(best)
    return Merges.from_pairs(merges)


def stops_early(pretokens: Pretokens, **options: Any) -> Merges:
    """One merge is missing at the end."""
    made = swaps_nothing(pretokens, **options)
    return Merges(made.left[:-1], made.right[:-1])


def swaps_nothing(pretokens: Pretokens, **options: Any) -> Merges:
    """The ladder's `weighted`."""
    from impls.train.weighted import train

    return train(pretokens, **options)


def loses_a_pretoken_at_a_cut(text: Text, *, pattern: str, special_tokens: list[str], workers: int) -> Pretokens:
    """The ladder's `finditer`, but the first pretoken of the third range is not counted."""
    del workers
    splitter, counts = Splitter(pattern, special_tokens), collections.Counter[str]()
    for number, (start, stop) in enumerate(text.ranges(pattern, special_tokens)):
        found = list(splitter.corpus_pretokens(text.text(start, stop)))
        counts.update(found[1:] if number == 2 else found)
    return Pretokens.from_mapping({pretoken.encode(): count for pretoken, count in counts.items()})


def counts_twice(text: Text, *, pattern: str, special_tokens: list[str], workers: int) -> Pretokens:
    """A pretoken has two entries."""
    del text, pattern, special_tokens, workers
    return Pretokens(np.frombuffer(b"aa", np.uint8), np.array([0, 1, 2]), np.array([1, 1]))


class WrongAfter200(HeapEncoder):
    """Gives a wrong id after 200 characters."""

    def encode(self, text: bytes, *, workers: int | None = None) -> Ids:
        ids, tokens = super().encode(text, workers=workers).tolist(), 0
        for index, token in enumerate(ids):
            if tokens > 200:
                ids[index] = 65
                break
            tokens += 1 if token < 256 else 2
        return np.array(ids, self._dtype)


class EndsEarly(HeapEncoder):
    """Gives one id too few."""

    def encode(self, text: bytes, *, workers: int | None = None) -> Ids:
        return super().encode(text, workers=workers)[:-1]


class WrongBatch(HeapEncoder):
    """Encodes alone what it does not encode in a batch."""

    def encode_batch(self, texts: Any, *, workers: int | None = None) -> Any:
        return super().encode_batch([*texts[:-1], texts[-1][:-1]], workers=workers)


class WrongType(HeapEncoder):
    """Gives ids of another type."""

    def encode(self, text: bytes, *, workers: int | None = None) -> Any:
        return super().encode(text, workers=workers).astype(np.int64)


class GivesLists(HeapEncoder):
    """Gives no array."""

    def encode(self, text: bytes, *, workers: int | None = None) -> Any:
        return super().encode(text, workers=workers).tolist()


class Raises(HeapEncoder):
    """Raises an exception of Python inside."""

    def encode_pretoken(self, pretoken: bytes) -> list[int]:
        return super().encode_pretoken(pretoken) if len(pretoken) < 6 else [{}["missing"]]


class Hangs(HeapEncoder):
    """Does not end."""

    def encode_pretoken(self, pretoken: bytes) -> list[int]:
        del pretoken
        while True:
            time.sleep(0.001)


class Forgives(HeapEncoder):
    """Reads invalid UTF-8 without an error."""

    def encode(self, text: bytes, *, workers: int | None = None) -> Ids:
        return super().encode(text.decode("utf-8", "replace").encode(), workers=workers)


class OnlyOdd(HeapEncoder):
    """Is wrong on special tokens alone, which only random texts have."""

    def encode(self, text: bytes, *, workers: int | None = None) -> Ids:
        ids = super().encode(text, workers=workers)
        others = set(self._special_ids) - {"<|endoftext|>"}
        return ids[::-1] if any(one.encode() in text for one in others) and len(ids) > 1 else ids
