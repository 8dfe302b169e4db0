"""A linked list of symbols and a heap of candidate merges. Unlike `set_pairs`, this encoder takes time O(n log n).

Here n is the length of the pretoken. For words, this encoder is hardly faster than `set_pairs`. But it also merges a
pretoken of thousands of bytes (a row of dashes, base64, text without spaces) in a short time. A merge changes
symbols, so older candidates in the heap may no longer be right. Therefore, when a candidate leaves the heap, both of
its symbols are compared with the present symbols.
"""

from __future__ import annotations

import heapq
from itertools import pairwise

from impls.encode import PretokenEncoder


class HeapEncoder(PretokenEncoder):
    """Merges with a heap of candidates (rank, position, pair)."""

    def encode_pretoken(self, pretoken: bytes) -> list[int]:
        """Merge in time O(n log n). See `PretokenEncoder.encode_pretoken`."""
        ids = self.first_ids(pretoken)
        ranks = self._ranks
        end = len(ids)
        following = list(range(1, end + 1))
        previous = list(range(-1, end - 1))
        heap = [(ranks[pair][0], position, pair) for position, pair in enumerate(pairwise(ids)) if pair in ranks]
        heapq.heapify(heap)

        def offer(position: int) -> None:
            after = following[position]
            if after < end and (found := ranks.get((ids[position], ids[after]))):
                heapq.heappush(heap, (found[0], position, (ids[position], ids[after])))

        while heap:
            _, position, pair = heapq.heappop(heap)
            after = following[position]
            if after >= end or (ids[position], ids[after]) != pair:
                continue
            ids[position] = ranks[pair][1]
            ids[after] = -1
            following[position] = following[after]
            if following[position] < end:
                previous[following[position]] = position
            offer(position)
            if previous[position] >= 0:
                offer(previous[position])
        return [token for token in ids if token >= 0]
