"""Counts of instructions, branches and misses per unit of work, beside the time per unit."""

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
"""Name of a count in a digest -> the noun for the counted things."""

GHZ, PER_CYCLE, BRANCH_CYCLES, FIRST_LEVEL_CYCLES, LAST_LEVEL_NS = 3, 4, 15, 14, 90
"""Usual values: GHz of the clock, instructions per cycle, cycles that a mispredicted branch and a first-level miss
cost, and nanoseconds of a last-level miss. Source: Agner Fog, "The microarchitecture of Intel, AMD and VIA CPUs"
(https://www.agner.org/optimize/microarchitecture.pdf)."""

COSTS = {
    "instructions": 1e-9 / GHZ / PER_CYCLE,
    "mispredicted": 1e-9 / GHZ * BRANCH_CYCLES,
    "d1_misses": 1e-9 / GHZ * FIRST_LEVEL_CYCLES,
    "ll_misses": 1e-9 * LAST_LEVEL_NS,
}
"""Name of a count -> the usual cost of one count, in seconds."""

PARTS = {"compiled": "compiled code", "call": "whole call"}
"""Name in a digest -> which code was counted."""


def parts(digest: Digest) -> list[str]:
    """Return the names of `PARTS` that a digest has; only an implementation with kernels has compiled code."""
    return [part for part in PARTS if part in digest and (part == "call" or digest["kernels"])]


def each(digest: Digest, part: str) -> Counts:
    """Return the counts per unit of work: the counts of all calls, divided by the numbers of calls and units."""
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

    The time comes from the profile of the same work that timed the most calls; `others`: profiles by all tools.
    """
    place = (name_of(digest), digest["workload"])
    same = [row for row in others if (name_of(row), row["workload"]) == place]
    timed = max([digest, *same], key=lambda row: row["repeats"])
    return Value(timed["seconds_plain"] / timed["repeats"] / digest["units"], "s")


def costs(digest: Digest) -> dict[str, Value]:
    """Return the usual cost of the counts per unit in a whole call, by name of a count, the largest cost first."""
    found = {name: value.number * COSTS[name] for name, value in each(digest, "call").items() if name in COSTS}
    return {name: Value(found[name], "s") for name in sorted(found, key=lambda name: -found[name])}


def table(digests: Iterable[Digest], others: Sequence[Digest] = ()) -> Table:
    """Return a row per profile with its counts per unit of work, for compiled code alone and for whole calls.

    `others`: profiles by all tools, from which the time is taken.
    """
    rows: list[list[Cell]] = []
    for digest in digests:
        for part in parts(digest):
            counts = each(digest, part)
            about = [name_of(digest), digest["workload"], digest["tool"], digest["per"], PARTS[part]]
            rows.append([*about, time(digest, others) if part == "call" else None, *map(counts.get, NOUNS)])
    return Table(["what", "workload", "tool", "per", "code", "time", *NOUNS.values()], rows)


def bound(digest: Digest, others: Sequence[Digest] = ()) -> Cell:
    """Return a sentence: the time per unit of work, the part of it that the counts explain, and the largest cost."""
    taken, whole = costs(digest), time(digest, others)
    listed = [cell for name, cost in taken.items() for cell in (", ", f"{NOUNS[name]} ", cost)]
    explained, most = Value(sum(cost.number for cost in taken.values()) / whole.number, "share"), next(iter(taken))
    return (
        f"{name_of(digest)} on {digest['workload']}, by {digest['tool']}: ", whole, f" per {digest['per']}. ",
        "Usual costs: ", *listed[1:], "; together ", explained, f" of the time, most of it {NOUNS[most]}",
    )  # fmt: skip
