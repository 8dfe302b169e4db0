"""Exercise 4, `impls/encode/cached.py`: the lowest rank is merged first, and a pretoken is merged once."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from bench import PATTERN
from bench.exercises.exercise import Exercise, Function, texts
from bench.trial import encoding
from bench.trial.encoding import Encoded, Encoding
from bench.trial.training import Pair
from impls import MergelabError
from impls.contract import Merges, Vocabulary
from impls.encode.cached import CachedEncoder
from impls.patterns import Splitter

TEMPLATE = '''\
"""Exercise 4: encode with a cache.

Fill in `encode`, then run: python -m bench exercise 4 --check FILE
"""

from __future__ import annotations


def encode(pretokens: list[bytes], ranks: dict[tuple[int, int], tuple[int, int]]) -> list[int]:
    """Return the ids of all pretokens, one after the other.

    `ranks` maps a pair of ids to the rank of its merge and to the id that the merge makes. A pretoken begins as its
    bytes, whose ids are 0 to 255. As long as one of its pairs is in `ranks`, the pair with the lowest rank is
    replaced, left to right. Most pretokens come again: merge each one once, and look it up afterwards.

    >>> ranks = {(97, 98): (0, 256), (98, 99): (1, 257), (256, 99): (2, 258)}  # a b, b c, ab c
    >>> encode([b"abc", b"bc", b"abc"], ranks)
    [258, 257, 258]
    >>> encode([b"cab"], ranks)
    [99, 256]
    """
    raise NotImplementedError
'''


def questions() -> Sequence[Encoding]:
    """Return the texts."""
    return [question for name, content in texts().items() for question in encoding.hostile(name, content)]


def run(encode: Function, question: Encoding) -> list[Encoded]:
    """Encode.

    Raises:
        MergelabError: the result is no list of ids.
    """
    content, vocabulary = question.content, question.definition.vocabulary
    pretokens = [pretoken.encode() for pretoken in Splitter(PATTERN).pretokens(content.decode())]
    ids = encode(pretokens, vocabulary.ranks())
    if not (isinstance(ids, list) and all(type(one) is int and 0 <= one < 1 << 31 for one in ids)):
        raise MergelabError(f"encode returned {str(ids)[:60]!r}; return a list of ids, as [97, 98]")
    return [Encoded(0, len(content), "", np.array(ids, np.uint32))]


def reference(pretokens: Sequence[bytes], ranks: Mapping[Pair, tuple[int, int]]) -> list[int]:
    """Encode as the implementation does."""
    merges = Merges.from_pairs(sorted(ranks, key=lambda pair: ranks[pair][0]))
    ids: list[int] = CachedEncoder(Vocabulary.from_merges(merges), PATTERN).encode(b"".join(pretokens)).tolist()
    return ids


EXERCISE = Exercise(
    "lowest rank first, each distinct pretoken once",
    "encode",
    TEMPLATE,
    questions,
    run,
    reference,
    ("impls.encode.cached:CachedEncoder.encode_segment", "impls.encode.cached:CachedEncoder._remember",
     "impls.encode.heap:HeapEncoder.encode_pretoken"),
)  # fmt: skip
