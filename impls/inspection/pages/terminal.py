"""Blocks as lines of a terminal, in colour if wanted."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from impls.command_line import printable
from impls.inspection.blocks import Block, Boundaries, Drawing, Heading, Plot, Sentences, Table

RULE = 60
"""Characters of a rule, at least."""

COLOURS = (44, 42, 45, 46, 43, 41)
"""ANSI codes of the backgrounds that tokens get in turn."""


def lines(blocks: Iterable[Block], colour: bool = False) -> Iterator[str]:
    """Yield the lines of blocks; blocks are separated by an empty line."""
    before: Block | None = None
    for block in blocks:
        shown = list(_shown(block, colour))
        if shown and before is not None and not isinstance(before, Heading):
            yield ""
        yield from shown
        before = block if shown else before


def _shown(block: Block, colour: bool) -> Iterator[str]:
    match block:
        case Heading():
            yield _styled(printable(block.text), "1", colour)
        case Sentences() | Drawing():
            yield from map(printable, block.lines)
        case Table():
            yield from table_lines(block)
        case Boundaries():
            if block.label:
                yield printable(block.label)
            yield boundary_line(block.tokens, colour)
        case Plot():  # The table has the same numbers.
            return


def table_lines(table: Table) -> Iterator[str]:
    """Yield the lines of a table: its title, its head and its rows, with rules between them."""
    cells = [[printable(cell) for cell in row] for row in ([column.name for column in table.columns], *table.rows)]
    widths = [
        max(column.width, *(len(row[place]) + 2 for row in cells)) for place, column in enumerate(table.columns)
    ]
    rule = "-" * max(RULE, sum(widths) - 2)
    if table.title:
        yield table.title
    rows = [_aligned(row, table, widths) for row in cells]
    yield from (rule, rows[0], rule, *rows[1:], rule)


def _aligned(row: Sequence[str], table: Table, widths: Sequence[int]) -> str:
    cells = (
        f"{cell.rjust(width - 2)}  " if column.is_number else cell.ljust(width)
        for cell, column, width in zip(row, table.columns, widths, strict=True)
    )
    return "".join(cells).rstrip()


def boundary_line(tokens: Sequence[str], colour: bool = False) -> str:
    """Return tokens between brackets, `[tok][tok]`, in alternating colours if wanted."""
    return "".join(
        _styled(f"[{token}]", f"30;{COLOURS[place % len(COLOURS)]}", colour) for place, token in enumerate(tokens)
    )


def _styled(text: str, style: str, colour: bool) -> str:
    return f"\x1b[{style}m{text}\x1b[0m" if colour else text
