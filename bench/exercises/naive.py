"""Exercise 1, `impls/train/naive.py`: every occurrence is a sequence, and every merge counts all pairs again."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from bench.exercises.exercise import Exercise, Function, texts
from bench.fuzz.trainers import pairs
from bench.trial.training import Pair, Training
from impls import MergelabError
from impls.contract import Merges, Pretokens
from impls.train import naive

N_MERGES = 25

TEMPLATE = '''\
"""Exercise 1: count all pairs again for every merge.

Fill in `train`, then run: python -m bench exercise 1 --check FILE
"""

from __future__ import annotations


def train(pretokens: dict[bytes, int], n_merges: int) -> list[tuple[int, int]]:
    """Return up to `n_merges` merges of pretokens with counts.

    A merge joins the two ids of a pair into a new id. Ids 0 to 255 are the bytes; merge number i makes id 256 + i.
    Every occurrence of a pretoken is a sequence of ids of its own. For each merge:

    1. Count all pairs of neighbours in all sequences; in `aaa`, the pair (a, a) stands twice.
    2. Take the pair with the highest count. Of several, take the one whose bytes are the greatest, as Python compares
       `(left_bytes, right_bytes)`.
    3. Replace the pair by the new id in all sequences, left to right, without overlap.

    Stop early if no pair is left.

    >>> train({b"aab": 1, b"ab": 2}, 2)  # `a b` stands 3 times; then `a` stands once before `ab`
    [(97, 98), (97, 256)]
    >>> train({b"ab": 1, b"cd": 1}, 1)  # a tie
    [(99, 100)]
    """
    raise NotImplementedError
'''


def as_merges(result: object) -> Merges:
    """Return the list of pairs that a student's function returns.

    Raises:
        MergelabError: it is something else.
    """
    if isinstance(result, list) and all(
        isinstance(pair, tuple) and len(pair) == 2 and all(type(one) is int and 0 <= one < 1 << 31 for one in pair)
        for pair in result
    ):
        return Merges.from_pairs(result)
    raise MergelabError(f"train returned {str(result)[:60]!r}; return a list of pairs of ids, as [(97, 98)]")


def questions() -> Sequence[Training]:
    """Return the texts."""
    return [Training(name, content, frozenset(), N_MERGES) for name, content in texts().items()]


def run(train: Function, question: Training) -> Merges:
    """Train."""
    return as_merges(train(question.pretokens.to_mapping(), question.n_merges))


def reference_of(trainer: Function) -> Function:
    """Return a solution of the exercise that calls a trainer of the ladder."""

    def reference(pretokens: Mapping[bytes, int], n_merges: int) -> list[Pair]:
        return pairs(trainer(Pretokens.from_mapping(pretokens), n_merges=n_merges))

    return reference


EXERCISE = Exercise(
    "every occurrence a sequence, all pairs counted again for every merge",
    "train",
    TEMPLATE,
    questions,
    run,
    reference_of(naive.train),
    ("impls.train.naive:train", "impls.train.naive:merge_pair"),
)
