"""Going on from a tokenizer: its tokens in the numbering of a trainer, and the ids of the new tokens.

A trainer numbers byte b as b and other tokens in the order in which it meets them. A tokenizer may number its tokens
in any way; GPT-2's bytes are in another order, for example.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import replace

import numpy as np

from impls.contract import N_BYTES, MergeEvent, MergeListener, Vocabulary
from impls.definition import Definition
from impls.pretoken_ids import given_ids

Pair = tuple[bytes, bytes]


class Known:
    """The tokens of a tokenizer in the numbering of a trainer: byte b is b, and others follow as merges need them.

    Attributes:
        tokens: the bytes of each token.
        ids: the id of each token in the tokenizer; -1 for a byte that the tokenizer lacks.
        vocabulary: the merges in the numbering of a trainer.
        n_idle: number of tokens that no text gives, special tokens apart.
    """

    def __init__(self, definition: Definition) -> None:
        """Number the tokens."""
        arrays, self.definition = definition.vocabulary, definition
        columns = np.stack([arrays.left, arrays.right, arrays.merged], axis=1).ravel().tolist()
        bytes_ = arrays.byte_ids.tolist()
        single = {token_id: byte for byte, token_id in enumerate(bytes_) if token_id >= 0}
        others = [token_id for token_id in dict.fromkeys(columns) if token_id not in single]
        numbers = single | {token_id: N_BYTES + place for place, token_id in enumerate(others)}
        self.ids = [*bytes_, *others]
        self.tokens = [bytes([byte]) for byte in range(N_BYTES)] + [definition.vocab[token_id] for token_id in others]
        merges = np.array([numbers[token_id] for token_id in columns], np.int32).reshape(-1, 3)
        byte_ids = np.where(arrays.byte_ids < 0, -1, np.arange(N_BYTES)).astype(np.int32)
        left, right, merged = (np.ascontiguousarray(merges[:, column]) for column in range(3))
        self.vocabulary = Vocabulary(byte_ids, left, right, merged, len(self.tokens))
        self.n_idle = len(definition.vocab.keys() - given_ids(definition) - set(definition.special_tokens.values()))


def merges_without(tokens: Collection[bytes], merges: Iterable[Pair]) -> list[Pair]:
    """Return the merges that neither use nor make one of the tokens."""
    return [
        (left, right)
        for left, right in merges
        if left not in tokens and right not in tokens and left + right not in tokens
    ]


class Names:
    """The ids of new tokens in the tokenizer that results, as merges make them.

    Attributes:
        tokens: the bytes of each token, in the numbering of the trainer.
        ids: the id of each token, in the numbering of the trainer.
    """

    def __init__(self, known: Known, n_new: int) -> None:
        """Begin before the first merge; `n_new` new ids may be given."""
        self.tokens, self.ids = list(known.tokens), list(known.ids)
        self._given = {token: token_id for token_id, token in known.definition.vocab.items()}
        self._next = known.definition.n_ids
        self._end = self._next + n_new

    def add(self, left: int, right: int) -> int | None:
        """Return the id of the token that the next merge makes; None if the merge needs an id and none is left."""
        token = self.tokens[left] + self.tokens[right]
        token_id = self._given.get(token)
        if token_id is None:
            if self._next == self._end:
                return None
            token_id, self._next = self._next, self._next + 1
        self.tokens.append(token)
        self.ids.append(token_id)
        return token_id


class Renamer:
    """Tells a listener each merge with the ids that the tokens have in the tokenizer that results."""

    def __init__(self, known: Known, n_new: int, listener: MergeListener) -> None:
        """Begin before the first merge. See `Names`."""
        self._names, self._listener = Names(known, n_new), listener
        self._is_full = False

    def __call__(self, event: MergeEvent) -> None:
        """Tell a merge, unless its token gets no id; then no later merge is told either."""
        left, right = event.pair
        new_id = None if self._is_full else self._names.add(left, right)
        if new_id is None:
            self._is_full = True
        else:
            ids = self._names.ids
            self._listener(replace(event, pair=(ids[left], ids[right]), new_id=new_id))
