"""Exercise 2, `impls/train/weighted.py`: each unique pretoken is one sequence, with its count as weight."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from bench.exercises import naive
from bench.exercises.exercise import Exercise
from bench.trial.training import Training
from impls.train import weighted

TEMPLATE = '''\
"""Exercise 2: work on each unique pretoken once.

Fill in `train`, then run: python -m bench exercise 2 --check FILE
The check repeats a text five times and counts the instructions. The repetition should cost hardly any instructions.
"""

from __future__ import annotations


def train(pretokens: dict[bytes, int], n_merges: int) -> list[tuple[int, int]]:
    """Return up to `n_merges` merges of pretokens with counts, as in exercise 1.

    Keep one sequence of ids per unique pretoken, and its count as a weight. A pair that stands in a sequence counts
    as often as the pretoken does.

    >>> train({b"aab": 1, b"ab": 2}, 2)
    [(97, 98), (97, 256)]
    >>> train({b"ab": 10**18, b"cd": 10**18 + 1}, 2)  # naive would need 2 * 10**18 sequences
    [(99, 100), (97, 98)]
    """
    raise NotImplementedError
'''


def questions() -> Sequence[Training]:
    """Return the texts of exercise 1, and the last text again, repeated five times."""
    *others, last = naive.questions()
    return [*others, last, replace(last, name=f"{last.name}, five times", times=5)]


EXERCISE = Exercise(
    "one sequence per unique pretoken, weighted by its count",
    "train",
    TEMPLATE,
    questions,
    naive.run,
    naive.reference_of(weighted.train),
    ("impls.train.weighted:train", "impls.train.naive:merge_pair"),
)
