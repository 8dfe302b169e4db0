"""Pruning to a size: the tokens that were made last are removed."""

from __future__ import annotations

from impls.arguments import check_count
from impls.definition import Definition
from impls.errors import UsageError
from impls.surgery import Changed, check_definition, fixed_tokens, restricted


def prune(definition: Definition, size: int, *, first_id: int = 0) -> Changed:
    """Remove the tokens that were made last, until at most `size` tokens are left.

    Law. Single bytes, special tokens and all tokens with ids below `first_id` are kept. Of the merges, the longest
    prefix is kept that needs at most `size` tokens in all. A token that no kept merge makes is removed. So every kept
    merge has its parts, and the new ids of a text are its old ids with each removed token taken apart into the two
    tokens that it was merged from, as often as needed. The tokens keep their order: ids below `first_id` stay, and
    the others are numbered from `first_id` on without gaps. If a tokenizer was trained to a size S, pruning it to a
    size s gives the tokenizer that the same training to size s gives. A tokenizer with no more than `size` tokens is
    returned as it is.

    Args:
        definition: the tokenizer.
        size: number of tokens to keep, special tokens included.
        first_id: the first id that may change.

    Raises:
        UsageError: `size` is too small for the tokens that are always kept.
    """
    size = check_count("size", size, 1)
    first_id = check_count("first_id", first_id, 0)
    if size >= len(check_definition(definition).vocab):
        return Changed(definition, {token_id: token_id for token_id in definition.vocab})
    kept = fixed_tokens(definition)
    kept |= {token for token_id, token in definition.vocab.items() if token_id < first_id}
    check_room(size, len(kept))
    n_merges = 0
    for left, right in definition.merges:
        if left + right not in kept:
            if len(kept) == size or not {left, right} <= kept:
                break
            kept.add(left + right)
        n_merges += 1
    return restricted(definition, kept, list(definition.merges[:n_merges]), first_id)


def check_room(size: int, n_kept: int) -> None:
    """Check that a size has room for the tokens that are always kept.

    Raises:
        UsageError: the size is too small.
    """
    if size < n_kept:
        raise UsageError(
            f"size: {size} is too small for the {n_kept} single bytes and special tokens, which are always kept; "
            f"give at least {n_kept}"
        )
