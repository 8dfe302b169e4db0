"""Count the pairs of a pretoken, merge the pair of lowest rank, and repeat: the oracle of encoding.

A trainer needs the counts. An encoder needs to know only which pairs occur, so counting the pairs is unnecessary
work.
"""

from __future__ import annotations

import collections
from itertools import pairwise

from impls.encode import PretokenEncoder
from impls.train.naive import merge_pair


class NaiveEncoder(PretokenEncoder):
    """Merges, and counts all pairs of the pretoken again at each step."""

    def encode_pretoken(self, pretoken: bytes) -> list[int]:
        """Merge; the time grows with the square of the length. See `PretokenEncoder.encode_pretoken`."""
        ids = self.first_ids(pretoken)
        while len(ids) > 1:
            frequencies = collections.Counter(pairwise(ids))
            known = [pair for pair in frequencies if pair in self._ranks]
            if not known:
                break
            pair = min(known, key=self._ranks.__getitem__)
            ids = merge_pair(ids, pair, self._ranks[pair][1])
        return ids
