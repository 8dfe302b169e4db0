"""Pair counts that are kept up to date, and an index from pair to pretokens.

Unlike in `weighted`, a merge touches only the pretokens that it changes. The best pair comes from a heap whose
entries may be out of date. The count of an existing pair never rises, so a pair is pushed to the heap only once, when
it is created. If an entry that leaves the heap has a count that is out of date, the entry goes back to the heap with
the true count.
"""

from __future__ import annotations

import collections
import heapq
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
from impls.train.naive import Pair, first_sequences, merge_pair

HeapEntry = tuple[int, object, object, Pair]

# Bytes are complemented, so that the smallest key in the heap is the greatest token. The terminator is above all
# complemented bytes, so that a prefix of a token comes after the token itself.
_COMPLEMENT = {byte: 255 - byte for byte in range(256)}
_TERMINATOR = chr(256)


class PairIndex:
    """Counts of all pairs, for each pair the pretokens that may contain it, and the heap of candidates."""

    def __init__(
        self,
        pretokens: Pretokens,
        tie_break: TieBreak,
        max_token_bytes: int | None = None,
        start: Start | None = None,
    ) -> None:
        """Count every pair of every pretoken once."""
        self.sequences, tokens = first_sequences(pretokens, start)
        self.tokens: list[bytes] = []
        self._longest = MOST if max_token_bytes is None else max_token_bytes
        self.weights: list[int] = pretokens.counts.tolist()
        self.counts: collections.defaultdict[Pair, int] = collections.defaultdict(int)
        self.holders: collections.defaultdict[Pair, set[int]] = collections.defaultdict(set)
        self._tie_break = tie_break
        self._byte_order: list[int] = huggingface_byte_order().tolist()
        self._keys: list[object] = []
        for index, (ids, weight) in enumerate(zip(self.sequences, self.weights, strict=True)):
            for pair in pairwise(ids):
                self.counts[pair] += weight
                self.holders[pair].add(index)
        for token in tokens:
            self.add_token(token)
        self.heap = [self._entry(pair) for pair in self.counts]
        heapq.heapify(self.heap)

    def add_token(self, token: bytes) -> None:
        """Compute the key of a new token, by which the heap orders pairs that contain this token."""
        new_id = len(self.tokens)
        self.tokens.append(token)
        if self._tie_break == "greatest":
            self._keys.append(token.decode("latin-1").translate(_COMPLEMENT) + _TERMINATOR)
        else:
            self._keys.append(self._byte_order[new_id] if new_id < 256 else new_id)

    def _entry(self, pair: Pair) -> HeapEntry:
        return (-self.counts[pair], self._keys[pair[0]], self._keys[pair[1]], pair)

    def pop_best(self) -> tuple[Pair, int] | None:
        """Remove and return the best pair with its count; None when no pair is left.

        Pairs that would make too long a token are removed, and never return to the heap.
        """
        while self.heap:
            entry = heapq.heappop(self.heap)
            pair = entry[-1]
            count = self.counts.get(pair, 0)
            if len(self.tokens[pair[0]]) + len(self.tokens[pair[1]]) > self._longest:
                continue
            if count == -entry[0]:
                return pair, count
            if count > 0:
                heapq.heappush(self.heap, self._entry(pair))
        return None

    def merge(self, pair: Pair, new_id: int) -> None:
        """Apply a merge to the pretokens that hold the pair, and update the counts."""
        created: set[Pair] = set()
        for index in self.holders.pop(pair):
            old, weight = self.sequences[index], self.weights[index]
            new = merge_pair(old, pair, new_id)
            if len(new) == len(old):
                continue
            for before in pairwise(old):
                self.counts[before] -= weight
            for after in pairwise(new):
                self.counts[after] += weight
                if new_id in after:
                    self.holders[after].add(index)
                    created.add(after)
            self.sequences[index] = new
        del self.counts[pair]
        for fresh in created:
            heapq.heappush(self.heap, self._entry(fresh))


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
    """Train in time proportional to what the merges change. See `contract.Trainer`."""
    index = PairIndex(pretokens, tie_break, max_token_bytes, start)
    tokens = index.tokens
    merges: list[Pair] = []
    while len(merges) < n_merges:
        started = perf_counter()
        best = index.pop_best()
        if best is None or best[1] < min_frequency:
            break
        pair, count = best
        index.add_token(tokens[pair[0]] + tokens[pair[1]])
        index.merge(pair, len(tokens) - 1)
        merges.append(pair)
        if on_merge:
            seconds = perf_counter() - started
            on_merge(MergeEvent(len(merges) - 1, pair, len(tokens) - 1, tokens[-1], count, seconds))
    return Merges.from_pairs(merges)
