"""One token: its bytes, its rank, and the tree of merges that makes it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from impls.definition import Definition
from impls.errors import UsageError

Ranks = Mapping[tuple[int, int], tuple[int, int]]
"""A mapping: pair of ids -> (rank of the merge, id that the merge makes)."""

MOST_ROWS = 200
"""Rows of a tree that are kept."""

NO_TOKEN = -1
"""In place of the id of a byte that has no token."""


@dataclass(frozen=True)
class Node:
    """A token in a tree of merges.

    Attributes:
        id: its id; NO_TOKEN for a byte that has no token.
        content: its bytes.
        rank: the rank of the merge that made it from `left` and `right`; None for a single byte.
        left, right: the tokens that were merged.
    """

    id: int
    content: bytes
    rank: int | None = None
    left: Node | None = None
    right: Node | None = None


@dataclass(frozen=True)
class TreeRow:
    """A row of a tree that is drawn from the top, a token before its parts.

    Attributes:
        depth: 0 for the top.
        is_last: whether the row is the last of its parent's parts.
        id, content, rank: see `Node`.
    """

    depth: int
    is_last: bool
    id: int
    content: bytes
    rank: int | None


@dataclass(frozen=True)
class TokenFigures:
    """A token of a vocabulary.

    Attributes:
        id: its id.
        content: its bytes.
        is_special: whether it is a special token.
        makers: all merges that make it: rank, left id, right id.
        n_uses: number of merges that use it as a part.
        is_made: whether merging its own bytes gives it. If not, no text gives it: in a text, the bytes of a token are
            merged in the same order, unless a merge crosses their ends, and then the token is not made either.
        tree: the result of merging its bytes; if `is_made`, the first row is the token. At most MOST_ROWS rows.
        n_rows: number of rows of the whole tree.
    """

    id: int
    content: bytes
    is_special: bool
    makers: tuple[tuple[int, int, int], ...]
    n_uses: int
    is_made: bool
    tree: tuple[TreeRow, ...]
    n_rows: int


def token_figures(definition: Definition, token_id: int) -> TokenFigures:
    """Return the figures of a token.

    Raises:
        UsageError: the vocabulary lacks the id.
    """
    content = definition.vocab.get(token_id)
    if content is None:
        raise UsageError(
            f"id: {token_id} is not an id of this vocabulary of {len(definition.vocab)} tokens; give an id from "
            f"{min(definition.vocab, default=0)} to {definition.n_ids - 1}"
        )
    ranks = definition.vocabulary.ranks()
    is_special = token_id in definition.special_tokens.values()
    nodes = [] if is_special else merge_tree(content, ranks, definition.vocabulary.byte_ids.tolist())
    rows = list(tree_rows(nodes))
    return TokenFigures(
        id=token_id,
        content=content,
        is_special=is_special,
        makers=tuple((rank, *pair) for pair, (rank, made) in ranks.items() if made == token_id),
        n_uses=sum(token_id in pair for pair in ranks),
        is_made=[node.id for node in nodes] == [token_id],
        tree=tuple(rows[:MOST_ROWS]),
        n_rows=len(rows),
    )


def merge_tree(content: bytes, ranks: Ranks, byte_ids: list[int]) -> list[Node]:
    """Merge bytes as an encoder merges a pretoken, the pair of lowest rank first.

    Return a tree for each token that is left. `byte_ids` has the id of each of the 256 bytes, or -1.
    """
    nodes = [Node(byte_ids[byte], content[place : place + 1]) for place, byte in enumerate(content)]
    none = len(ranks)

    def rank_at(place: int) -> int:
        if not 0 <= place < len(nodes) - 1:
            return none
        return ranks.get((nodes[place].id, nodes[place + 1].id), (none,))[0]

    found = [rank_at(place) for place in range(len(nodes))]
    while (rank := min(found, default=none)) < none:
        place = found.index(rank)
        left, right = nodes[place : place + 2]
        made = ranks[left.id, right.id][1]
        nodes[place : place + 2] = [Node(made, left.content + right.content, rank, left, right)]
        del found[place]
        for near in range(max(0, place - 1), min(place + 1, len(nodes))):
            found[near] = rank_at(near)
    return nodes


def tree_rows(nodes: list[Node]) -> Iterator[TreeRow]:
    """Yield the rows of trees; a tree can be deeper than Python's recursion allows."""
    waiting = [(0, place == 0, node) for place, node in enumerate(reversed(nodes))]
    while waiting:
        depth, is_last, node = waiting.pop()
        yield TreeRow(depth, is_last, node.id, node.content, node.rank)
        if node.left and node.right:
            waiting += [(depth + 1, True, node.right), (depth + 1, False, node.left)]
