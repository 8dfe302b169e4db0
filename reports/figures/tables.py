"""Tables of typed cells. The cells of a column decide the unit and the alignment of the column."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from reports.figures.values import Bound, Cell, Part, Spread, Value


@dataclass(frozen=True)
class Column:
    """One column of a table."""

    label: Cell
    cells: tuple[Cell, ...]

    @property
    def unit(self) -> str | None:
        """The unit that all values share; None if there is no value, or if their units differ."""
        units = {unit for cell in self.cells if (unit := unit_of(cell)) is not None}
        return units.pop() if len(units) == 1 else None

    @property
    def is_numeric(self) -> bool:
        """Whether the column holds a value, or is empty: such a column is aligned to the right."""
        return any(unit_of(cell) is not None for cell in self.cells) or all(cell is None for cell in self.cells)


@dataclass(frozen=True)
class Table:
    """Rows of cells below a head with a label for each column."""

    head: Sequence[Cell]
    rows: Sequence[Sequence[Cell]]

    @property
    def columns(self) -> list[Column]:
        """The same table as a list of columns.

        Raises:
            ValueError: a row has more or fewer cells than the head.
        """
        return [Column(label, tuple(cells)) for label, *cells in zip(self.head, *self.rows, strict=True)]


def unit_of(cell: Cell) -> str | None:
    """Return the unit of a cell that holds numbers; None for any other cell."""
    if isinstance(cell, Bound):
        return cell.value.unit
    return cell.unit if isinstance(cell, Value | Spread | Part) else None
