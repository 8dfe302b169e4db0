"""The figures of the awkward records, computed with arithmetic of this file alone."""

from __future__ import annotations

import math
import re
import statistics
from collections.abc import Callable, Iterable, Sequence
from functools import cache
from typing import Any, NamedTuple

import numpy as np

from bench.studies import STUDIES
from impls.registry import implementations
from tests.support.awkward_records import STAGES, Row, records
from tests.support.records import ABOUT, about, quantile

# How figures are written.


def short(value: float, n: int = 3) -> str:
    """Round to `n` digits; a comma between thousands."""
    rounded = round(value, n - 1 - math.floor(math.log10(abs(value)))) if value else 0.0
    text = np.format_float_positional(rounded, trim="-")
    whole, _, rest = text.partition(".")
    return f"{int(whole):,}" + (f".{rest}" if rest else "") if not text.startswith("-") else f"-{short(-value, n)}"


def scaled(value: float, units: dict[str, float], smallest: str) -> str:
    for unit, one in units.items():
        if abs(round(value / one, 3)) >= 0.9995:
            return f"{short(value / one)} {unit}"
    return smallest


def time(value: float) -> str:
    return scaled(value, {"s": 1, "ms": 1e-3, "µs": 1e-6}, f"{short(value * 1e9)} ns" if value else "0 s")


def memory_size(value: float) -> str:
    return scaled(value, {"GB": 1e9, "MB": 1e6, "KB": 1e3}, f"{round(value)} B")


def times(value: float) -> str:
    return f"{round(value):,}x" if value >= 10 else f"{short(value, 2)}x"


def share(value: float) -> str:
    return f"{round(100 * value)} %" if value >= 0.1 else f"{100 * value:.1f} %"


def plain(value: float) -> str:
    return f"{round(value):,}" if value == int(value) or value >= 1000 else short(value)


def between(low: float, high: float, write: Callable[[float], str] = times) -> str:
    return f"{write(low)} .. {write(high)}"


# How they are computed.


class Spread(NamedTuple):
    """Quartiles of samples."""

    q1: float
    median: float
    q3: float


def spread(samples: Sequence[float]) -> Spread:
    return Spread(quantile(list(samples), 0.25), statistics.median(samples), quantile(list(samples), 0.75))


def over(slow: Spread, fast: Spread) -> tuple[float, float, float]:
    """How many times as fast, with the unfavourable and the favourable end."""
    return slow.median / fast.median, slow.q1 / fast.q3, slow.q3 / fast.q1


def grouped(rows: Iterable[Row], *names: str) -> dict[Any, list[Row]]:
    found: dict[Any, list[Row]] = {}
    for row in rows:
        key = tuple(row[name] for name in names)
        found.setdefault(key[0] if len(key) == 1 else key, []).append(row)
    return found


def cases() -> list[Row]:
    return [
        {
            **case["extra_info"],
            "time": spread(case["stats"]["data"]),
            "rounds": len(case["stats"]["data"]),
            "rounds_taken": case["stats"]["data"],
        }
        for case in records().bench["benchmarks"]
    ]


def ladders() -> dict[tuple[str, str], list[Row]]:
    """By stage and workload, as the report has them: stage by stage."""
    found = grouped(cases(), "stage", "workload")
    return dict(sorted(found.items(), key=lambda item: STAGES.index(item[0][0])))


def study(name: str) -> list[Row]:
    points = records().studies["studies"][name]["points"]
    return [
        {**p["facts"], "series": p["series"], "x": p["x"], "samples": p["samples"],
         "time": spread(p["samples"]) if p["samples"] else None}
        for p in points
    ]  # fmt: skip


@cache
def student(freedom: int) -> float:
    """The 97.5 % quantile of Student's t, from its density."""
    grid = np.linspace(0, 20, 400_001)
    density = math.gamma((freedom + 1) / 2) / math.gamma(freedom / 2) / math.sqrt(freedom * math.pi)
    values = density * (1 + grid**2 / freedom) ** (-(freedom + 1) / 2)
    below = np.concatenate([[0], np.cumsum((values[1:] + values[:-1]) / 2 * np.diff(grid))])
    return float(np.interp(0.475, below, grid))


def slope(points: Sequence[Row]) -> tuple[str, int]:
    """The exponent of growth with its interval, and from how many points."""
    largest = max(row["x"] for row in points)
    used = [row for row in points if row["x"] >= largest / 100]
    if len(used) < 2:
        return "one point", 1
    x, y = np.log([row["x"] for row in used]), np.log([row["time"].median for row in used])
    if len(used) == 2:
        return f"{(y[1] - y[0]) / (x[1] - x[0]):.2f}", 2
    (value, _), covariance = np.polyfit(x, y, 1, cov=True)
    half = student(len(used) - 2) * math.sqrt(covariance[0, 0])
    return f"{value:.2f} ({value - half:.2f} to {value + half:.2f})", len(used)


def ranked() -> dict[str, list[tuple[float, list[Row]]]]:
    """By stage: size, and the implementations at it, fastest first."""
    found: dict[str, list[tuple[float, list[Row]]]] = {}
    for (stage, x), rows in grouped(study("size"), "stage", "x").items():
        found.setdefault(stage, []).append((x, sorted(rows, key=lambda row: row["time"].median)))
    return found


def digests(*tools: str) -> list[Row]:
    return [row for row in records().profiles["digests"] if row["tool"] in tools]


def what(row: Row) -> str:
    return f"{row['stage']}/{row['impl']}"


def own_shares(digest: Row, most: int) -> list[tuple[str, float]]:
    return [(row["name"], row["own"] / digest["own_total"]) for row in digest["functions"][:most]]


def peer_number(value: float, unit: str) -> str:
    return time(value) if unit == "s" else (f"{round(value):,}" if value >= 100 else short(value)) + unit


def stage_parts(rows: Sequence[Row]) -> dict[str, float]:
    parts = {row["x"]: row["time"].median for row in rows}
    parts["count"] = max(parts["count"] - parts["read"] - parts["split"], 0.0)
    return parts


CHAINS = {
    name: tuple(
        [row.name for row in implementations(stage) if row.compiled == compiled and (compiled or not row.parallel)][
            -1
        ]
        for stage in ("count", "train", "encode")
    )
    for name, compiled in (("pure Python", False), ("compiled", True))
}
"""The last of each stage: in pure Python and one process, and compiled."""


def chain_times(names: Sequence[str]) -> dict[float, list[float]]:
    """By size: the times of a pipeline's stages."""
    medians = {(row["series"], row["x"]): row["time"].median for row in study("size")}
    series = [f"{stage}/{name}" for stage, name in zip(STAGES, names, strict=True)]
    return {x: [medians[one, x] for one in series] for x in dict.fromkeys(row["x"] for row in study("size"))}


GROWTH = {
    "Growth with the corpus": "size", "Growth with the vocabulary": "vocabulary",
    "What repetition brings": "duplication", "What workers bring": "workers", "Long pretokens": "pretoken_length",
    "Scripts": "script", "Small calls": "calls", "Start": "start", "Compression": "compression",
}  # fmt: skip


OTHERS = {about(name)[0]: name for name in STUDIES if name not in ABOUT}
"""Title -> study that has no row of made-up points: the report shows it as its own record has it."""


UNIT = re.compile(r"(?<=\d) (?=(?:s|ms|µs|ns|h|B|KB|MB|GB|GiB|%)(?!\w))")


def figures(text: str) -> list[str]:
    """Return the words that hold a digit, each number with its unit."""
    words = UNIT.sub("", text).split()
    return [word.strip("`|().,:;") for word in words if re.search(r"\d|\b(?:nan|inf)", word)]
