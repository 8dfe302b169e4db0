"""The oracle: every occurrence is a sequence of its own, and every merge counts all pairs of all sequences again.

Sennrich, Haddow, Birch 2016, https://arxiv.org/abs/1508.07909, algorithm 1. Never optimised: all other trainers
are compared with this one.
"""

from __future__ import annotations

import collections
from collections.abc import Callable, Collection, Mapping, Sequence
from itertools import pairwise
from time import perf_counter

from impls.arguments import MOST
from impls.contract import (
    MergeEvent,
    MergeListener,
    Merges,
    Pretokens,
    Start,
    TieBreak,
    huggingface_byte_order,
)

Pair = tuple[int, int]


def preference(tie_break: TieBreak, tokens: list[bytes]) -> Callable[[Pair], tuple[object, object]]:
    """Return the key of the tie-break: of pairs with the same count, the pair with the greatest key is merged.

    `tokens` holds the bytes of each id and may grow after the call.
    """
    if tie_break == "greatest":
        return lambda pair: (tokens[pair[0]], tokens[pair[1]])
    order = huggingface_byte_order().tolist()

    def rank(token: int) -> int:
        return order[token] if token < len(order) else token

    return lambda pair: (-rank(pair[0]), -rank(pair[1]))


def first_sequences(pretokens: Pretokens, start: Start | None) -> tuple[list[list[int]], list[bytes]]:
    """Return each pretoken as a list of ids, and the bytes of each id. See `contract.Trainer`."""
    if start is None:
        return [list(pretoken) for pretoken in pretokens.to_mapping()], Merges.from_pairs([]).token_bytes()
    return start.sequences(), list(start.tokens)


def allowed_pairs(
    counts: Mapping[Pair, int], tokens: Sequence[bytes], min_frequency: int, max_token_bytes: int | None
) -> Collection[Pair]:
    """Return the pairs that may be merged. See `contract.Trainer`."""
    if min_frequency == 1 and max_token_bytes is None:
        return counts
    longest = MOST if max_token_bytes is None else max_token_bytes
    return [
        pair
        for pair, count in counts.items()
        if count >= min_frequency and len(tokens[pair[0]]) + len(tokens[pair[1]]) <= longest
    ]


def merge_pair(ids: list[int], pair: Pair, new_id: int) -> list[int]:
    """Replace every occurrence of `pair` in `ids`, left to right without overlap, by `new_id`."""
    merged: list[int] = []
    index = 0
    while index < len(ids):
        if index + 1 < len(ids) and (ids[index], ids[index + 1]) == pair:
            merged.append(new_id)
            index += 2
        else:
            merged.append(ids[index])
            index += 1
    return merged


def train(
    pretokens: Pretokens,
    *,
    n_merges: int,
    tie_break: TieBreak = "greatest",
    min_frequency: int = 1,
    max_token_bytes: int | None = None,
    start: Start | None = None,
    on_merge: MergeListener | None = None,
) -> Merges:
    """Train in a time proportional to the number of merges times the length of the text. See `contract.Trainer`."""
    sequences, tokens = first_sequences(pretokens, start)
    occurrences = [ids for ids, count in zip(sequences, pretokens.counts.tolist(), strict=True) for _ in range(count)]
    prefer = preference(tie_break, tokens)
    merges: list[Pair] = []
    while len(merges) < n_merges:
        started = perf_counter()
        counts: collections.Counter[Pair] = collections.Counter()
        for ids in occurrences:
            counts.update(pairwise(ids))
        allowed = allowed_pairs(counts, tokens, min_frequency, max_token_bytes)
        if not allowed:
            break
        pair = max(allowed, key=lambda pair: (counts[pair], prefer(pair)))
        new_id = len(tokens)
        occurrences = [merge_pair(ids, pair, new_id) for ids in occurrences]
        tokens.append(tokens[pair[0]] + tokens[pair[1]])
        merges.append(pair)
        if on_merge:
            seconds = perf_counter() - started
            on_merge(MergeEvent(len(merges) - 1, pair, new_id, tokens[new_id], counts[pair], seconds))
    return Merges.from_pairs(merges)
