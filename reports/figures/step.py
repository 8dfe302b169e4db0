"""Our training step beside the steps of other programs, and its operations: `reference` beside `fused`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from reports.figures.tables import Table
from reports.figures.values import Bound, Cell, Code, Value, over, quartiles

DECIMALS = 2
"""Significant digits of a gain: three, since the gains of a step are close to 1."""


def models(run: Mapping[str, Any]) -> Table:
    """Return a row per side: time, rate, how many times as fast our side is, and the bar for this ratio."""
    n_tokens, ours = run["batch"] * run["block"], quartiles(run["sides"][0]["samples"], "s")
    rows: list[list[Cell]] = []
    for place, side in enumerate(run["sides"]):
        time, bar = quartiles(side["samples"], "s"), side["bar"]
        gain = over(time, ours, DECIMALS)
        others = [gain.alone, gain.spread] if place else [None, None]
        held: list[Cell] = [None, None]
        if bar is not None:
            held = [Bound(Value(bar, "x", digits=3)), "reached" if gain.number >= bar else "short of the bar"]
        rows.append([side["name"], time.alone, Value(n_tokens / time.number, "tokens/s"), *others, *held])
    head = ["model", "time per step", "tokens/s", "ours is as fast", "spread", "bar", "verdict"]
    return Table(head, rows)


def operations(rows: list[Mapping[str, Any]]) -> Table:
    """Return a row per operation."""
    table: list[list[Cell]] = []
    for row in rows:
        reference, fused = (quartiles(row["samples"][name], "s") for name in ("reference", "fused"))
        gain = over(reference, fused, DECIMALS)
        table.append([Code(row["name"]), reference.alone, fused.alone, gain.alone, gain.spread])
    return Table(["operation", "reference", "fused", "fused is as fast", "spread"], table)
