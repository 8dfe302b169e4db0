"""Compile every kernel ahead, so that no later process has to: each kernel is run once on a small text."""

from __future__ import annotations

import numpy as np

from impls.contract import Ids, Start, Vocabulary
from impls.count.jit import PretokenTable
from impls.encode.jit import JitEncoder
from impls.formats.ranks import merges_of_ranks
from impls.id_lists import IdLists
from impls.kernels.specials import pack_specials
from impls.pretoken_ids import compiled_ids
from impls.train.jit import initial_state, train, with_larger_slots


def warm(pattern: str) -> None:
    """Load the kernels for a named pattern; kernels that the cache lacks are compiled and put into the cache.

    The small text has enough different pretokens to make every table grow, and a pretoken that is too long for a
    short key.
    """
    text = " ".join(map(str, range(100_000, 105_000))).encode() + b"a" * 20
    table, other = PretokenTable(pattern), PretokenTable(pattern)
    table.count(np.frombuffer(text, np.uint8), pack_specials({}))
    other.add(table)
    pretokens = table.pretokens()
    with_larger_slots(initial_state(pretokens, 1, "greatest"))
    merges = train(pretokens, n_merges=10)
    vocabulary = Vocabulary.from_merges(merges)
    train(pretokens, n_merges=1, start=Start(merges.token_bytes(), *compiled_ids(vocabulary, pretokens)))
    merges_of_ranks(merges.token_bytes(), "warm")
    encoder, lists = JitEncoder(vocabulary, pattern), IdLists(vocabulary.n_ids)
    encoder.short_text(lists)
    for dtype in (np.dtype("<u2"), np.dtype("<u4")):
        ids: Ids = encoder.encode(text).astype(dtype)
        lists.parts(ids, np.array([0, len(ids)]), compiled=True)
