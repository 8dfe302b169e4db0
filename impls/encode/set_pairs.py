"""Collect the pairs of a pretoken in a set. Unlike `naive`, this encoder does not count the pairs."""

from __future__ import annotations

from itertools import pairwise

from impls.encode import PretokenEncoder
from impls.train.naive import merge_pair


class SetPairsEncoder(PretokenEncoder):
    """Merges with the set of adjacent pairs."""

    def encode_pretoken(self, pretoken: bytes) -> list[int]:
        """Merge; the time grows with the square of the length. See `PretokenEncoder.encode_pretoken`."""
        ids = self.first_ids(pretoken)
        while len(ids) > 1:
            known = set(pairwise(ids)) & self._ranks.keys()
            if not known:
                break
            pair = min(known, key=self._ranks.__getitem__)
            ids = merge_pair(ids, pair, self._ranks[pair][1])
        return ids
