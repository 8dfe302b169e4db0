"""Words about one token, with a drawing of the merges that make it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from impls.inspection.blocks import Block, Drawing, Heading, Sentences
from impls.inspection.figures.token import NO_TOKEN, TokenFigures, TreeRow
from impls.inspection.words.forms import quoted


def token_blocks(figures: TokenFigures) -> list[Block]:
    """Return what is said about a token."""
    blocks: list[Block] = [
        Heading(f"Token {figures.id}: {quoted(figures.content)}"),
        Sentences(list(_facts(figures))),
    ]
    if figures.tree:
        title = "Merges that make the token:" if figures.is_made else "What merging its bytes gives:"
        left_out = figures.n_rows - len(figures.tree)
        more = [f"... and {left_out:,} more rows"] if left_out else []
        blocks.append(Drawing([title, *drawn(figures.tree), *more]))
    return blocks


def _facts(figures: TokenFigures) -> Iterator[str]:
    size = len(figures.content)
    yield f"bytes: {figures.content.hex(' ')} ({size:,} {'byte' if size == 1 else 'bytes'})"
    if figures.is_special:
        yield "a special token: it is cut out of a text before the text is split, and no merge makes it"
        return
    for rank, left, right in figures.makers:
        yield f"made by the merge of rank {rank:,}: {left} + {right}"
    if not figures.makers:
        yield "a single byte" if size == 1 else "no merge makes it"
    yield f"used as a part by {figures.n_uses:,} merges"
    if not figures.is_made:
        yield "no text gives this token, since its bytes are merged to other tokens"


def drawn(rows: Sequence[TreeRow]) -> Iterator[str]:
    """Yield the lines of a drawing; a row without a rank is a single byte."""
    is_open: list[bool] = []
    for row in rows:
        del is_open[max(row.depth - 1, 0) :]
        lines = "".join("│   " if line else "    " for line in is_open)
        branch = ("└── " if row.is_last else "├── ") if row.depth else ""
        name = "no token" if row.id == NO_TOKEN else f"id {row.id}"
        rank = "" if row.rank is None else f", rank {row.rank}"
        yield f"{lines}{branch}{quoted(row.content)}  {name}{rank}"
        if row.depth:
            is_open.append(not row.is_last)
