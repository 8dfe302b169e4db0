"""The ladder of a stage on a workload: times, speed-ups, the gain of each step, the savings of training."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

import pandas as pd

from reports.figures.counts import COSTS, NOUNS, Counts
from reports.figures.series import Axis, Bar, Bars, Limits, Strip, Strips
from reports.figures.tables import Table
from reports.figures.values import Cell, Code, Value, measured, over
from reports.records import Record, ladder, ladders


class Rung(NamedTuple):
    """One implementation on a ladder: its time, how many times as fast as the first one it is, and its rate.

    The rate of a trainer is in merges per second, since it starts from counted pretokens and reads no file.
    """

    impl: str
    idea: str
    time: Value
    speedup: Value
    rate: Value
    rounds: Value
    samples: Sequence[float] = ()


class Step(NamedTuple):
    """The gain of a step: the time of the implementation before it on a ladder, divided by its own time."""

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
            rate(row),
            Value(row["rounds"], "rounds"),
            row["samples"],
        )
        for row in rows.to_dict("records")
    ]


def rate(row: Mapping[Any, Any]) -> Value:
    """Return what a case does per second: merges of a trainer, bytes of text of all others."""
    if row["stage"] == "train":
        return Value(row["merges"] / row["median"], "merges/s")
    return Value(row["mb_per_s"], "MB/s")


def fastest(found: list[Rung]) -> Rung:
    """Return the rung with the smallest median."""
    return min(found, key=lambda rung: rung.time.number)


def table(found: list[Rung], per: str = "", counts: Mapping[str, Counts] | None = None) -> Table:
    """Return a row per implementation.

    Args:
        found: the ladder.
        per: the unit of work of the counts; empty if nothing was counted.
        counts: implementation -> its counts per unit of work.
    """
    names = {name: f"{noun} per {per}" for name, noun in NOUNS.items() if name in COSTS} if per else {}
    head = [
        "implementation",
        "idea",
        "median",
        "quartiles",
        f"speed-up over {found[0].impl}",
        "spread",
        found[0].rate.unit,
    ]
    return Table([*head, "rounds", *names.values()], [
        [
            row.impl, row.idea, row.time.alone, row.time.spread, row.speedup.alone, row.speedup.spread, row.rate,
            row.rounds, *((counts or {}).get(row.impl, {}).get(name) for name in names),
        ]
        for row in found
    ])  # fmt: skip


def bars(found: list[Rung], removed: Mapping[str, str] | None = None, limits: Limits | None = None) -> Bars:
    """Return the speed-ups, each with its step from the one before.

    Args:
        found: the ladder.
        removed: implementation -> what it saves, in a few words.
        limits: ends of the axis, for ladders side by side.
    """
    before = [None, *found[:-1]]
    rows = [
        Bar(
            rung.impl, rung.speedup, (removed or {}).get(rung.impl, ""),
            over(last.time, rung.time).alone if last else None, rung.time, rung.samples,
        )
        for last, rung in zip(before, found, strict=True)
    ]  # fmt: skip
    return Bars(rows, f"times as fast as {found[0].impl}", limits)


def limits(ladders: Iterable[list[Rung]]) -> Limits:
    """Return the ends of an axis on which all these ladders fit."""
    spreads = [rung.speedup.spread for rungs in ladders for rung in rungs]
    return min(1.0, *(spread.low for spread in spreads)), max(spread.high for spread in spreads)


def strips(found: list[Rung]) -> Strips:
    """Return the time of each round."""
    return Strips([Strip(rung.impl, rung.samples, rung.time) for rung in found if rung.samples], Axis("time", "s"))


def tallest(record: Record) -> list[tuple[str, str, list[Rung]]]:
    """Return (stage, workload, ladder) of each stage, on the first workload with the most implementations."""
    found: dict[str, tuple[str, str, list[Rung]]] = {}
    for stage, workload, rows in ladders(record):
        if stage not in found or len(rows) > len(found[stage][2]):
            found[stage] = (stage, workload, rungs(rows))
    return list(found.values())


def matrix(record: Record) -> Table:
    """Return the fastest by stage and workload, with its gain over the simplest one and its rate."""
    workloads = list(dict.fromkeys(record.cases["workload"]))
    cells: dict[str, dict[str, Cell]] = {}
    for stage, workload, rows in ladders(record):
        found = rungs(rows)
        best = fastest(found)
        told = Code(best.impl), " ", best.speedup.alone, f" over {found[0].impl}, ", best.rate, f" {best.rate.unit}"
        cells.setdefault(stage, {})[workload] = told
    table = [[stage, *(own.get(workload) for workload in workloads)] for stage, own in cells.items()]
    return Table(["stage", *workloads], table)


def cases(record: Record) -> Table:
    """Return all cases in one table."""
    rows: list[list[Cell]] = [
        [
            stage, workload, rung.impl, rung.time.alone, rung.time.spread, rung.speedup.alone, rung.speedup.spread,
            rung.rate, rung.rate.unit, rung.rounds,
        ]
        for stage, workload, found in ladders(record)
        for rung in rungs(found)
    ]  # fmt: skip
    head = ["stage", "workload", "implementation", "median", "quartiles", "speed-up over the simplest", "spread"]
    return Table([*head, "rate", "per second", "rounds"], rows)


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
            merges, reduction = row["merges"], row["pretokens"] / row["unique_pretokens"]
            rows.append([
                workload, row["impl"], Value(row["pretokens"], "pretokens"),
                Value(row["unique_pretokens"], "pretokens"), Value(reduction, "x", decimals=0),
                Value(row["median"], "s"), Value(merges, "merges"), Value(row["median"] / merges, "s"),
                Value(row["speedup"], "x"),
            ])  # fmt: skip
    head = ["workload", "trainer", "pretokens", "unique", "reduction", "total", "merges", "time per merge"]
    return Table([*head, "speed-up"], rows)
