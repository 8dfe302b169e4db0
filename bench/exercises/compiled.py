"""Exercise 5, `impls/kernels/ranks.py`: the merges of a pretoken in flat arrays, which can be compiled."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from bench.exercises.cached import questions
from bench.exercises.exercise import Exercise, Function
from bench.trial.encoding import Encoded, Encoding
from impls.encode.jit import pack_ranks
from impls.kernels import ranks
from impls.kernels.compiler import kernel
from impls.kernels.helpers import Inline, Int
from impls.patterns import Splitter

TEMPLATE = '''\
"""Exercise 5: merge in flat arrays.

Fill in `merge`, then run: python -m bench exercise 5 --check FILE
The check runs `merge` as plain Python, then compiles `merge` with Numba. Compiled code makes no objects: use numbers,
loops and the arrays that `merge` gets. Compiled code cannot slice, allocate or raise.
"""

from __future__ import annotations

from impls.kernels.ranks import NO_RANK, rank_of


def merge(text, position, length, ranks, cache):
    """Merge the `length` bytes at text[position]; return how many ids are left.

    text: uint8[n].
    cache.symbols[0]: int32[n]. At first, this array holds the ids of the bytes. At the end, it must begin with the
        ids that are left.
    cache.heap: int64[2 n], free for your own use, for example for the rank of each pair.
    rank_of(left, right, ranks): returns `rank << 32 | merged id` for a pair of ids that has a merge, else NO_RANK.
        The pair with the lowest rank has the smallest of these numbers, and NO_RANK is larger than all of them.

    Example. `a b` has rank 0 and makes 256, `256 c` has rank 1 and makes 257. The text is `abc`:

        symbols   97  98  99   length 3
        symbols  256  99       length 2   after the merge at place 0; the id 99 has moved one place to the left
        symbols  257           length 1   `merge` returns 1
    """
    raise NotImplementedError
'''


class Scratch(NamedTuple):
    """Arrays to work in: symbols int32[1, n], heap int64[2 n]. See `impls.kernels.encode.Cache`."""

    symbols: NDArray[np.int32]
    heap: NDArray[np.int64]


def run(merge: Function, question: Encoding) -> list[Encoded]:
    """Encode the pretokens of a text one by one."""
    vocabulary, ids = question.definition.vocabulary, []
    table, call = pack_ranks(vocabulary), compiled(merge)
    for pretoken in Splitter(question.definition.pattern).pretokens(question.content.decode()):
        text = np.frombuffer(pretoken.encode(), np.uint8)
        scratch = Scratch(vocabulary.byte_ids[text].reshape(1, -1).copy(), np.zeros(2 * len(text), np.int64))
        left = int(call(text, 0, len(text), table, scratch) or 0)
        ids += scratch.symbols[0, :left].tolist()
    return [Encoded(0, len(question.content), "", np.array(ids, np.uint32))]


def compiled(merge: Function | Inline) -> Any:
    """Return a kernel that calls the student's function; without JIT, the kernel is plain Python.

    The cache finds compiled code by its name, so the name holds a digest of the student's file.
    """
    helper: Any = merge
    source = Path(getattr(helper, "function", helper).__code__.co_filename).read_bytes()

    def merge_pretoken(text: Any, position: Int, length: Int, ranks: Any, cache: Any) -> Int:
        return helper(text, position, length, ranks, cache)

    return kernel(merge_pretoken, hashlib.sha256(source).hexdigest()[:16])


EXERCISE = Exercise(
    "flat arrays, which can be compiled",
    "merge",
    TEMPLATE,
    questions,
    run,
    ranks.merge_short,
    ("impls.kernels.ranks:merge_short",),
    compiled=True,
)
