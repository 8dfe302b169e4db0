"""Pruning by use: the tokens that a text uses least are removed, and the merges stay closed."""

from __future__ import annotations

from heapq import heapify, heappop, heappush
from itertools import pairwise

from impls.arguments import check_count
from impls.contract import Pretokens
from impls.definition import Definition
from impls.pretoken_ids import given_ids, uses_of
from impls.surgery import Changed, check_definition, fixed_tokens, restricted
from impls.surgery.prune import check_room
from impls.train.naive import Pair, merge_pair

Parts = dict[int, tuple[int, ...]]


def prune_by_use(definition: Definition, pretokens: Pretokens, size: int | None = None) -> Changed:
    """Remove the tokens that a text does not use; or, with `size`, the least used tokens until `size` are left.

    Law. Single bytes and special tokens are kept. The parts of a token are the two tokens that are merged last when
    the bytes of the token are encoded; if these bytes do not give the token, it has no parts. The use of a token is
    how often it occurs in the encoded text, plus the uses of all removed tokens that it was a part of. If a token is
    kept, its parts are kept. So only a token that is no part of a kept token can be removed. Of these tokens, the
    token with the least use is removed first; of tokens with equal use, the token with the largest id. Without
    `size`, removal stops when the least use is not 0. With `size`, removal stops when at most `size` tokens are left.
    A merge is kept if its two parts and its result are kept. The kept tokens are numbered from 0 on without gaps, in
    the order of their old ids.

    So if the bytes of a kept token gave this token before, they still do. Without `size`, the text gives the same
    tokens as before.

    Args:
        definition: the tokenizer.
        pretokens: the pretokens of the text, cut by the pattern and the special tokens of the tokenizer.
        size: number of tokens to keep at most, special tokens included.

    Raises:
        MissingByteError: the text has a byte that the tokenizer lacks.
        UsageError: `size` is too small for the tokens that are always kept.
    """
    fixed = fixed_tokens(check_definition(definition))
    if size is not None:
        check_room(size := check_count("size", size, 1), len(fixed))
    fixed_ids = {token_id for token_id, token in definition.vocab.items() if token in fixed}
    counted = uses_of(definition.vocabulary, pretokens)
    uses = {token_id: int(counted[token_id]) for token_id in definition.vocab}
    removed = _removed(parts_of(definition, fixed_ids), fixed_ids, uses, size)
    kept = {token for token_id, token in definition.vocab.items() if token_id not in removed}
    merges = [(left, right) for left, right in definition.merges if {left, right, left + right} <= kept]
    return restricted(definition, kept, merges)


def _removed(parts: Parts, fixed: set[int], uses: dict[int, int], size: int | None) -> set[int]:
    """Return the ids to remove; `uses` holds the use of each id, and is changed."""
    n_wholes = dict.fromkeys(uses, 0)
    for token_parts in parts.values():
        for part in token_parts:
            n_wholes[part] += 1
    heap = [(uses[token_id], -token_id) for token_id in parts if not n_wholes[token_id]]
    heapify(heap)
    removed: set[int] = set()
    while heap and (heap[0][0] == 0 if size is None else len(uses) - len(removed) > size):
        use, negative = heappop(heap)
        removed.add(-negative)
        for part in parts[-negative]:
            uses[part] += use
            n_wholes[part] -= 1
            if not n_wholes[part] and part not in fixed:
                heappush(heap, (uses[part], -part))
    return removed


def parts_of(definition: Definition, fixed: set[int]) -> Parts:
    """Return the parts of each token, as ids, apart from the `fixed` ids. See `prune_by_use`."""
    arrays = definition.vocabulary
    makers: dict[int, list[Pair]] = {}
    for left, right, merged in zip(arrays.left.tolist(), arrays.right.tolist(), arrays.merged.tolist(), strict=True):
        makers.setdefault(merged, []).append((left, right))
    ranks, given = arrays.ranks(), given_ids(definition)

    def parts(token_id: int) -> tuple[int, ...]:
        if token_id not in given:
            return ()
        if len(makers[token_id]) == 1:
            return makers[token_id][0]
        return _last_pair(arrays.byte_ids[list(definition.vocab[token_id])].tolist(), ranks)

    return {token_id: parts(token_id) for token_id in definition.vocab.keys() - fixed}


def _last_pair(ids: list[int], ranks: dict[Pair, tuple[int, int]]) -> Pair:
    """Return the pair that is merged last, if the ids of single bytes are merged to a single id."""
    while len(ids) > 2:
        pair = min((pair for pair in pairwise(ids) if pair in ranks), key=ranks.__getitem__)
        ids = merge_pair(ids, pair, ranks[pair][1])
    return ids[0], ids[1]
