"""Counts of instructions, branches and misses by unit of work, beside the time of that unit, and what bounds it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from reports.figures.profiles import Digest, name_of
from reports.figures.tables import Table
from reports.figures.values import Cell, Value

Counts = dict[str, Value]
"""Name of a count in a digest -> the count of one unit of work."""

NOUNS = {
    "instructions": "instructions",
    "branches": "branches",
    "mispredicted": "mispredicted branches",
    "d1_misses": "first-level misses",
    "ll_misses": "last-level misses",
}
"""Name of a count in a digest -> what is counted."""

GHZ, PER_CYCLE, BRANCH_CYCLES, FIRST_LEVEL_CYCLES, LAST_LEVEL_NS = 3, 4, 15, 14, 90
"""What is usual: the clock, instructions that begin in a cycle, and what a mispredicted branch and misses cost; from
Agner Fog, "The microarchitecture of Intel, AMD and VIA CPUs" (https://www.agner.org/optimize/microarchitecture.pdf)."""

COSTS = {
    "instructions": 1e-9 / GHZ / PER_CYCLE,
    "mispredicted": 1e-9 / GHZ * BRANCH_CYCLES,
    "d1_misses": 1e-9 / GHZ * FIRST_LEVEL_CYCLES,
    "ll_misses": 1e-9 * LAST_LEVEL_NS,
}
"""Usual seconds of one."""

PARTS = {"compiled": "compiled code", "call": "whole call"}
"""Name in a digest -> which code was counted."""


def parts(digest: Digest) -> list[str]:
    """Return the names of `PARTS` that a digest has; only an implementation with kernels has compiled code."""
    return [part for part in PARTS if part in digest and (part == "call" or digest["kernels"])]


def each(digest: Digest, part: str) -> Counts:
    """Return the counts of one unit of work: those of all calls, divided by calls and units."""
    units = digest["repeats"] * digest["units"]
    return {name: Value(digest[part][name] / units, noun) for name, noun in NOUNS.items() if name in digest[part]}


def beside(digests: Iterable[Digest], stage: str, workload: str) -> tuple[str, dict[str, Counts]]:
    """Return what the counts of a ladder are per, and a dict: implementation -> the counts of a whole call.

    Where several tools counted, the first one tells; without counts, the unit is empty.
    """
    unit = ""
    found: dict[str, Counts] = {}
    for digest in digests:
        if (digest["stage"], digest["workload"]) == (stage, workload):
            unit = digest["per"]
            found.setdefault(digest["impl"], each(digest, "call"))
    return unit, found


def time(digest: Digest, others: Iterable[Digest]) -> Value:
    """Return the time of one unit of work in a whole call without a tool, in one thread.

    Of all profiles of the same work, the one that timed the most calls tells.
    """
    place = (name_of(digest), digest["workload"])
    same = [row for row in others if (name_of(row), row["workload"]) == place]
    timed = max([digest, *same], key=lambda row: row["repeats"])
    return Value(timed["seconds_plain"] / timed["repeats"] / digest["units"], "s")


def costs(digest: Digest) -> dict[str, Value]:
    """Return what the counts of one unit in a whole call take at their usual costs, the largest first."""
    found = {name: value.number * COSTS[name] for name, value in each(digest, "call").items() if name in COSTS}
    return {name: Value(found[name], "s") for name in sorted(found, key=lambda name: -found[name])}


def table(digests: Iterable[Digest], others: Sequence[Digest] = ()) -> Table:
    """Return the counts of one unit of work by profile, for compiled code alone and for whole calls.

    `others` are profiles by all tools, which may know the time better.
    """
    rows: list[list[Cell]] = []
    for digest in digests:
        for part in parts(digest):
            counts = each(digest, part)
            about = [name_of(digest), digest["workload"], digest["tool"], digest["per"], PARTS[part]]
            rows.append([*about, time(digest, others) if part == "call" else None, *map(counts.get, NOUNS)])
    return Table(["what", "workload", "tool", "per", "code", "time", *NOUNS.values()], rows)


def bound(digest: Digest, others: Sequence[Digest] = ()) -> Cell:
    """Say what a unit of work takes, what of it the counts explain, and which of them the most; `others` as above."""
    taken, whole = costs(digest), time(digest, others)
    listed = [cell for name, cost in taken.items() for cell in (", ", f"{NOUNS[name]} ", cost)]
    explained, most = Value(sum(cost.number for cost in taken.values()) / whole.number, "share"), next(iter(taken))
    return (
        f"{name_of(digest)} on {digest['workload']}, by {digest['tool']}: ", whole, f" per {digest['per']}. ",
        "Usual costs: ", *listed[1:], "; together ", explained, f" of the time, most of it {NOUNS[most]}",
    )  # fmt: skip
