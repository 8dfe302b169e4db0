"""Exercise 3, `impls/train/incremental.py`: a merge touches only the pretokens that hold its pair."""

from __future__ import annotations

from unittest.mock import patch

from bench.exercises.exercise import Exercise, Function
from bench.exercises.naive import questions
from bench.trial.training import Training
from impls.contract import Merges
from impls.train import incremental

TEMPLATE = '''\
"""Exercise 3: keep the counts of pairs up to date.

Fill in `merge`, then run: python -m bench exercise 3 --check FILE
The trainer of impls/train/incremental.py runs with your function in the place of `PairIndex.merge`.
"""

from __future__ import annotations

import heapq
from itertools import pairwise

from impls.train.incremental import PairIndex
from impls.train.naive import merge_pair


def merge(index: PairIndex, pair: tuple[int, int], new_id: int) -> None:
    """Apply a merge to the pretokens that hold `pair`, and update the index.

    index.sequences: list of ids per unique pretoken; index.weights: how often each pretoken occurs.
    index.counts: how often each pair occurs; a pair that is gone has count 0 or is missing.
    index.holders: pair -> numbers of the pretokens that hold it, and of some pretokens that held it once.
    index.heap: a pair that is new must be pushed once, when all counts are right:
        heapq.heappush(index.heap, index._entry(new_pair))

    >>> from impls.contract import Pretokens
    >>> index = PairIndex(Pretokens.from_mapping({b"aab": 1, b"ab": 2}), "greatest")
    >>> index.add_token(b"ab")
    >>> merge(index, (97, 98), 256)
    >>> index.sequences
    [[97, 256], [256]]
    >>> index.counts[97, 256], index.counts[97, 97]  # the pair (a, a) stood once, and is gone
    (1, 0)
    >>> index.pop_best()
    ((97, 256), 1)
    """
    raise NotImplementedError
'''


def run(merge: Function, question: Training) -> Merges:
    """Train with a function in the place of `PairIndex.merge`."""
    with patch.object(incremental.PairIndex, "merge", merge):
        return incremental.train(question.pretokens, n_merges=question.n_merges)


EXERCISE = Exercise(
    "counts that are kept up to date, and an index from pair to pretokens",
    "merge",
    TEMPLATE,
    questions,
    run,
    incremental.PairIndex.merge,
    ("impls.train.incremental:PairIndex.merge",),
)
