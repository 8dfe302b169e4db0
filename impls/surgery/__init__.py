"""Surgery on tokenizers: pure functions from a `Definition` to a `Definition` and a map from old ids to new ids.

One idea per module: `prune` to a size, `use` for pruning by use on a text, `extend` by given tokens. Each docstring
states the law that the function obeys. The split pattern and all special tokens always stay. To learn new tokens from
a text on top of a tokenizer, call `impls.pipeline.train` with `base`.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import NamedTuple

from impls.definition import Definition
from impls.errors import UsageError, shown

Pair = tuple[bytes, bytes]


class Changed(NamedTuple):
    """The result of surgery.

    Attributes:
        definition: the new tokenizer.
        ids: a mapping: old id -> new id, for each token that both tokenizers have.
    """

    definition: Definition
    ids: Mapping[int, int]


def check_definition(definition: object) -> Definition:
    """Return `definition` if it is one.

    Raises:
        UsageError: `definition` is something else.
    """
    if not isinstance(definition, Definition):
        raise UsageError(f"definition: {shown(definition)} is no Definition; give Tokenizer.load(...).definition")
    return definition


def fixed_tokens(definition: Definition) -> set[bytes]:
    """Return the tokens that pruning keeps in any case: single bytes and special tokens."""
    special = {token.encode() for token in definition.special_tokens}
    return special | {token for token in definition.vocab.values() if len(token) == 1}


def restricted(definition: Definition, kept: Collection[bytes], merges: list[Pair], first_id: int = 0) -> Changed:
    """Return the tokenizer that has only the `kept` tokens and the given merges.

    Ids below `first_id` stay. The other tokens get the ids from `first_id` on, without gaps, in the order of their
    old ids.
    """
    tokens = sorted((token_id, token) for token_id, token in definition.vocab.items() if token in kept)
    n_first = sum(token_id < first_id for token_id, _ in tokens)
    ids = {
        token_id: token_id if place < n_first else first_id + place - n_first
        for place, (token_id, _) in enumerate(tokens)
    }
    vocab = {ids[token_id]: token for token_id, token in tokens}
    return Changed(Definition(vocab, merges, list(definition.special_tokens), definition.pattern), ids)
