"""Profiles: functions, steps of compiled code, operators of PyTorch."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from reports.figures.tables import Table
from reports.figures.values import Cell, Code, Shares, Value

Digest = Mapping[str, Any]
"""One profile of a record of the kind profiles."""

MOST_FUNCTIONS, MOST_OPERATORS = 5, 8

LEAST_SHARE = 0.005
"""Functions with a smaller share of the time than this are left out."""


def name_of(digest: Digest) -> str:
    """Return the target of a profile, as "stage/implementation"."""
    return f"{digest['stage']}/{digest['impl']}"


def of(digests: Iterable[Digest], stage: str, impl: str) -> list[Digest]:
    """Return the profiles of one implementation."""
    return [digest for digest in digests if (digest["stage"], digest["impl"]) == (stage, impl)]


def total(digest: Digest) -> float:
    """Return the time of all functions in seconds; if it is 0, return 1, so that shares can be computed."""
    return float(digest["own_total"] or 1.0)


def largest(digest: Digest, most: int) -> Shares:
    """Return the functions with the most time of their own, with their shares of all time."""
    rows = digest["functions"][:most]
    return Shares(tuple((row["name"].strip("<>"), row["own"] / total(digest)) for row in rows))


def place(row: Mapping[str, Any]) -> Cell:
    """Return the place of a function or a call site; a built-in function has none."""
    return Code(f"{row['file']}:{row['line']}") if row["file"] not in ("~", "") else "built in"


def overview(digests: Iterable[Digest]) -> Table:
    """Return a row per profile: its three largest functions, their shares, and the slow-down by the tool."""
    rows: list[list[Cell]] = []
    for digest in digests:
        top = largest(digest, 3) if digest.get("functions") else None
        rows.append([
            name_of(digest), digest["workload"], digest["tool"],
            Value(digest["seconds_plain"] / digest["repeats"], "s"), Value(digest["slow_down"], "x", decimals=2),
            top, top and Value(top.total, "share"),
        ])  # fmt: skip
    head = ["what", "workload", "tool", "time per call without it", "slow-down by it"]
    return Table([*head, "three largest by own time", "their share"], rows)


def functions(digest: Digest) -> Table:
    """Return the functions of a profile with the most own time: own and cumulative time, calls."""
    rows: list[list[Cell]] = []
    for row in digest["functions"][:MOST_FUNCTIONS]:
        share = row["own"] / total(digest)
        if share >= LEAST_SHARE:
            cumulative = Value(row["cumulative"], "s") if row["cumulative"] is not None else None
            calls = Value(row["calls"], "calls") if row["calls"] else None
            rows.append(
                [Code(row["name"]), place(row), Value(row["own"], "s"), Value(share, "share"), cumulative, calls]
            )
    return Table(["function", "where", "own", "share", "cumulative", "calls"], rows)


def counters(digests: Iterable[Digest]) -> Table:
    """Return how often the steps of compiled code ran."""
    rows: list[list[Cell]] = [
        [name_of(digest), digest["workload"], phase, Value(times, "times")]
        for digest in digests
        for phase, times in digest["phases"].items()
    ]
    return Table(["what", "workload", "step", "times"], rows)


def operators(digest: Digest) -> Table:
    """Return the operators of a training step that take the most time: time, calls and memory."""
    rows: list[list[Cell]] = [
        [
            Code(row["name"]), Value(row["own"], "s"), Value(row["own"] / total(digest), "share"),
            Value(row["cumulative"], "s"), Value(row["calls"], "calls"), Value(row["bytes"], "bytes"),
        ]
        for row in digest["functions"][:MOST_OPERATORS]
    ]  # fmt: skip
    return Table(["operator", "own", "share", "cumulative", "calls", "memory"], rows)


def same_largest(digests: Iterable[Digest]) -> Table:
    """Return, for implementations profiled on several workloads, whether the largest function is always the same."""
    by_name: dict[str, list[Digest]] = {}
    for digest in digests:
        by_name.setdefault(name_of(digest), []).append(digest)
    rows: list[list[Cell]] = []
    for name, (small, *_, large) in ((name, found) for name, found in by_name.items() if len(found) > 1):
        (first, _), (second, _) = (largest(one, 1).items[0] for one in (small, large))
        cells = [(f"{one['workload']}: ", largest(one, 1)) for one in (small, large)]
        rows.append([name, *cells, "yes" if first == second else "no"])
    return Table(["what", "small", "large", "the same"], rows)
