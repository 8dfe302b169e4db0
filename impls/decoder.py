"""From ids to bytes: lists, arrays and files of ids, with errors that name an id that does not exist."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from impls.errors import FileFormatError, UsageError

if TYPE_CHECKING:
    from impls.ids.layout import Layout

DECODE_IDS = 1 << 20
"""Ids of a file that are decoded at a time."""


class Decoder:
    """Looks tokens up by id."""

    def __init__(self, tokens: Mapping[int, bytes]) -> None:
        """Keep the mapping id -> bytes; a dict is the fastest kind of mapping."""
        self._tokens = tokens

    def decode(self, ids: object) -> bytes:
        """Return the bytes of all ids, joined.

        Raises:
            UsageError: `ids` is not a list of ids, or the vocabulary lacks an id; the message has the id's place.
        """
        listed = _listed(ids)
        # As keys of the vocabulary, 65.0 and True equal 65 and 1.
        if set(map(type, listed)) - {int}:
            listed = [int(token_id) if isinstance(token_id, np.integer) else token_id for token_id in listed]
            for place, token_id in enumerate(listed):
                if type(token_id) is not int:
                    raise self._unknown_id(token_id, place)
        return self._join(listed)

    def decode_file(self, ids: Layout) -> Iterator[bytes]:
        """Yield the bytes of all ids in a file, in parts.

        Raises:
            FileFormatError: the file shrank, or the vocabulary lacks an id.
        """
        for number, block in enumerate(ids.blocks(DECODE_IDS)):
            try:
                yield self._join(block.tolist(), number * DECODE_IDS)
            except UsageError as error:
                raise FileFormatError(f"{ids.file.path}: {error}") from None

    def _join(self, ids: list[int], first: int = 0) -> bytes:
        try:
            return b"".join(map(self._tokens.__getitem__, ids))
        except KeyError:
            place = next(place for place, token_id in enumerate(ids) if token_id not in self._tokens)
            raise self._unknown_id(ids[place], first + place) from None

    def _unknown_id(self, token_id: object, place: int) -> UsageError:
        told, n_tokens = repr(token_id)[:80], len(self._tokens)
        return UsageError(
            f"ids: {told} at place {place} is not an id of this vocabulary of {n_tokens} tokens; "
            "use the tokenizer that made the ids"
        )


def _listed(ids: object) -> list[Any]:
    """Return ids as a list; arrays and tensors of any integer type become plain integers."""
    listed = ids.tolist() if hasattr(ids, "tolist") else ids
    if isinstance(listed, list):
        return listed
    if isinstance(listed, str | bytes) or not isinstance(listed, Iterable):
        raise UsageError(f"ids: {type(ids).__name__} is not a list of ids; give a list, as encode returns it")
    return list(listed)
