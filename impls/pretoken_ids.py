"""The ids of pretokens with counts: what a vocabulary makes of a text of which only the pretokens are known."""

from __future__ import annotations

from itertools import accumulate, pairwise

import numpy as np

from impls.contract import N_BYTES, Array32, Array64, Pretokens, Vocabulary
from impls.definition import Definition
from impls.encode import missing_byte
from impls.encode.heap import HeapEncoder

PURE_PYTHON_BYTES = 1 << 15
"""More bytes of unique pretokens than this are encoded in compiled code."""


def pretoken_ids(vocabulary: Vocabulary, pretokens: Pretokens) -> tuple[Array32, Array64]:
    """Encode each pretoken by itself, in the order in which the pretokens are given.

    Returns:
        ids: int32[total], the ids of all pretokens, one pretoken after the other.
        offsets: int64[n + 1]; the ids of pretoken i are `ids[offsets[i]:offsets[i + 1]]`.

    Raises:
        MissingByteError: a pretoken has a byte that the vocabulary lacks.
    """
    if len(pretokens.bytes_) > PURE_PYTHON_BYTES:
        return compiled_ids(vocabulary, pretokens)
    encoder = HeapEncoder(vocabulary, "gpt2")
    data, offsets = pretokens.bytes_.tobytes(), pretokens.offsets.tolist()
    rows = [encoder.encode_pretoken(data[start:stop]) for start, stop in pairwise(offsets)]
    ends = np.fromiter(accumulate(map(len, rows), initial=0), np.int64, len(rows) + 1)
    return np.array([token for row in rows for token in row], np.int32), ends


def uses_of(vocabulary: Vocabulary, pretokens: Pretokens) -> Array64:
    """Return how often each id occurs in the text that the pretokens were counted in, int64[n_ids].

    Raises:
        MissingByteError: see `pretoken_ids`.
    """
    ids, offsets = pretoken_ids(vocabulary, pretokens)
    uses = np.zeros(vocabulary.n_ids, np.int64)
    np.add.at(uses, ids, np.repeat(pretokens.counts, np.diff(offsets)))
    return uses


def given_ids(definition: Definition) -> set[int]:
    """Return the ids of all tokens that their own bytes give; no text gives another token, special tokens apart.

    If a text gives a token, no merge crossed the ends of the token. So its bytes alone undergo the same merges.
    """
    vocabulary = definition.vocabulary
    missing = {byte for byte in range(N_BYTES) if vocabulary.byte_ids[byte] < 0}
    ids = {token: token_id for token_id, token in definition.vocab.items() if missing.isdisjoint(token)}
    found, offsets = pretoken_ids(vocabulary, Pretokens.from_mapping(dict.fromkeys(ids, 1)))
    firsts, is_single = found[offsets[:-1]], np.diff(offsets) == 1
    wanted = np.fromiter(ids.values(), np.int64, len(ids))
    return set(wanted[is_single & (firsts == wanted)].tolist())


def compiled_ids(vocabulary: Vocabulary, pretokens: Pretokens) -> tuple[Array32, Array64]:
    """Encode each pretoken in compiled code. See `pretoken_ids`."""
    from impls.encode.jit import pack_ranks, scratch
    from impls.kernels.encode import DETAIL, Cache
    from impls.kernels.pretokens import encode_each

    symbols, heap = scratch(int(np.diff(pretokens.offsets).max()))
    nothing = np.zeros((0, 4), np.uint64), np.zeros(0, np.uint8), np.zeros(0, np.int32)
    cache = Cache(*nothing, symbols, heap, np.zeros(7, np.int64))
    ids, ends = np.empty(len(pretokens.bytes_), np.int32), np.zeros(len(pretokens) + 1, np.int64)
    n = encode_each(pretokens.bytes_, pretokens.offsets, pack_ranks(vocabulary), cache, ids, ends)
    if n < 0:
        raise missing_byte(int(cache.numbers[DETAIL]))
    return ids[:n].copy(), ends
