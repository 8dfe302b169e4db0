"""Known faults of tokenizer programs: the cost of each fault beside the cost of the right way."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import pandas as pd

from reports.figures.tables import Table
from reports.figures.values import Cell, Code, measured, over

UNITS = {"memory": "bytes"}
"""The units of the kinds of faults that are not measured in seconds."""


class Faults(NamedTuple):
    """The faults of one kind."""

    kind: str
    table: Table


def faults(points: pd.DataFrame) -> Iterator[Faults]:
    """Yield the faults by kind; a kind without samples has results in words instead of a cost."""
    for kind, some in points.groupby("kind", sort=False):
        in_words = not any(map(len, some["samples"]))
        rows = []
        for fault, sides in some.groupby("x", sort=False):
            by_side = {row["series"]: row for row in sides.to_dict("records")}
            if len(by_side) > 1:
                bad, good = by_side["faulty"], by_side["here"]
                cells = [bad["result"], good["result"]] if in_words else _cost(bad, good, UNITS.get(str(kind), "s"))
                rows.append([str(fault), *cells, Code(bad["test"])])
        cost = [] if in_words else ["cost", "spread"]
        yield Faults(str(kind), Table(["fault", "with it", "here", *cost, "guarded by"], rows))


def _cost(bad: dict[object, object], good: dict[object, object], unit: str) -> list[Cell]:
    faulty, here = measured(bad, unit), measured(good, unit)
    cost = over(faulty, here)
    return [faulty.alone, here.alone, cost.alone, cost.spread]
