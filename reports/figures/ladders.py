"""The ladder of a stage on a workload: times, speed-ups, the gain of each step, the savings of training."""

from __future__ import annotations

from typing import NamedTuple

import pandas as pd

from reports.figures.series import Bar, Bars
from reports.figures.tables import Table
from reports.figures.values import Value, measured, over
from reports.records import Record, ladder, ladders

BYTES_AND_SPECIAL = 257
"""Entries of a vocabulary that no merge makes: all bytes and one special token."""


class Rung(NamedTuple):
    """One implementation on a ladder: its time, its rate, and its speed-up over the first implementation."""

    impl: str
    idea: str
    time: Value
    speedup: Value
    rate: Value
    rounds: Value


class Step(NamedTuple):
    """The gain of an implementation: how many times as fast it is as the implementation before it on a ladder."""

    workload: str
    before: str
    gain: Value


def rungs(rows: pd.DataFrame) -> list[Rung]:
    """Return the rungs for the rows of `reports.records.ladder`, simplest implementation first."""
    return [
        Rung(
            row["impl"],
            row["idea"],
            measured(row),
            Value(row["speedup"], "x", row["speedup_low"], row["speedup_high"]),
            Value(row["mb_per_s"], "MB/s"),
            Value(row["rounds"], "rounds"),
        )
        for row in rows.to_dict("records")
    ]


def fastest(found: list[Rung]) -> Rung:
    """Return the rung with the smallest median."""
    return min(found, key=lambda rung: rung.time.number)


def table(found: list[Rung]) -> Table:
    """Return a row per implementation."""
    head = ["implementation", "idea", "median", "quartiles", f"speed-up over {found[0].impl}", "spread", "MB/s"]
    return Table([*head, "rounds"], [
        [
            row.impl, row.idea, row.time.alone, row.time.spread, row.speedup.alone, row.speedup.spread, row.rate,
            row.rounds,
        ]
        for row in found
    ])  # fmt: skip


def bars(found: list[Rung]) -> Bars:
    """Return the speed-ups."""
    return Bars([Bar(rung.impl, rung.speedup.alone) for rung in found])


def step(record: Record, stage: str, impl: str, workload: str) -> Step | None:
    """Return the gain of an implementation; None if it is the first of the ladder or is not on the ladder.

    Raises:
        LookupError: the record has no such ladder.
    """
    found = rungs(ladder(record, stage, workload))
    place = [rung.impl for rung in found].index(impl) if impl in {rung.impl for rung in found} else 0
    if not place:
        return None
    return Step(workload, found[place - 1].impl, over(found[place - 1].time, found[place].time))


def steps(record: Record, stage: str, impl: str) -> list[Step]:
    """Return the gain of an implementation on each workload."""
    found = [step(record, stage, impl, workload) for other, workload, _ in ladders(record) if other == stage]
    return [one for one in found if one]


def savings(record: Record) -> Table:
    """Return, for the ladders of trainers, the numbers of pretokens and unique pretokens, and the time per merge."""
    rows = []
    for stage, workload, table in ladders(record):
        for row in table.to_dict("records") if stage == "train" else []:
            merges, reduction = row["vocab_size"] - BYTES_AND_SPECIAL, row["pretokens"] / row["unique_pretokens"]
            rows.append([
                workload, row["impl"], Value(row["pretokens"], "pretokens"),
                Value(row["unique_pretokens"], "pretokens"), Value(reduction, "x", decimals=0),
                Value(row["median"], "s"), Value(merges, "merges"), Value(row["median"] / merges, "s"),
                Value(row["speedup"], "x"),
            ])  # fmt: skip
    head = ["workload", "trainer", "pretokens", "unique", "reduction", "total", "merges", "time per merge"]
    return Table([*head, "speed-up"], rows)
