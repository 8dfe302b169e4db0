"""The oracle: every occurrence is a sequence of its own, and every merge counts all pairs of all sequences again.

Sennrich, Haddow, Birch 2016, https://arxiv.org/abs/1508.07909, algorithm 1. Never optimised: all other trainers
are compared with this one.
"""

from __future__ import annotations

import collections
from collections.abc import Callable
from itertools import pairwise
from time import perf_counter

from impls.contract import (
    MergeEvent,
    MergeListener,
    Merges,
    Pretokens,
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
    on_merge: MergeListener | None = None,
) -> Merges:
    """Train in a time proportional to the number of merges times the length of the text. See `contract.Trainer`."""
    occurrences = [list(pretoken) for pretoken, count in pretokens.to_mapping().items() for _ in range(count)]
    tokens = Merges.from_pairs([]).token_bytes()
    prefer = preference(tie_break, tokens)
    merges: list[Pair] = []
    while len(merges) < n_merges:
        started = perf_counter()
        counts: collections.Counter[Pair] = collections.Counter()
        for ids in occurrences:
            counts.update(pairwise(ids))
        if not counts:
            break
        pair = max(counts, key=lambda pair: (counts[pair], prefer(pair)))
        new_id = len(tokens)
        occurrences = [merge_pair(ids, pair, new_id) for ids in occurrences]
        tokens.append(tokens[pair[0]] + tokens[pair[1]])
        merges.append(pair)
        if on_merge:
            seconds = perf_counter() - started
            on_merge(MergeEvent(len(merges) - 1, pair, new_id, tokens[new_id], counts[pair], seconds))
    return Merges.from_pairs(merges)
