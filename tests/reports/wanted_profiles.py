"""The numbers of sections from profiles, computed again; see `wanted_benchmarks`."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from tests.reports.wanted_studies import values
from tests.support.awkward_records import records
from tests.support.report_arithmetic import digests, memory_size, own_shares, plain, share, study, time, what

Text = Iterator[str]


def bottlenecks() -> Text:
    for row in digests("cprofile", "scalene", "speedscope", "memray", "rss", "torch"):
        yield f"{what(row)} {row['workload']} {time(row['seconds_plain'] / row['repeats'])} {row['slow_down']:.2f}x"
        if "functions" in row:
            top = own_shares(row, 3)
            yield ", ".join(f"{name} {share(part)}" for name, part in top)
            yield share(sum(part for _, part in top))
    for row in (row for tool in ("cprofile", "scalene", "speedscope") for row in digests(tool)):
        yield f"{what(row)} {row['workload']}, {row['repeats']} calls"
        for function in row["functions"][:5]:
            own, cumulative = function["own"], function["cumulative"]
            yield function["name"] + (f" {function['file']}:{function['line']}" if function["file"] != "~" else "")
            yield f"{time(own)} {share(own / row['own_total'])} {'' if cumulative is None else time(cumulative)}"
            yield f"{function['calls']:,}" if function["calls"] else ""
    for row in digests("counters"):
        yield from (f"{what(row)} {row['workload']} {step} {n:,}" for step, n in row["phases"].items())
    for row in digests("torch"):
        yield f"{what(row)} {row['workload']} {row['repeats']} calls of {row['tensor_bytes']['steps']} steps"
        for operator in row["functions"][:8]:
            yield f"{operator['name']} {time(operator['own'])} {share(operator['own'] / row['own_total'])}"
            yield f"{time(operator['cumulative'])} {operator['calls']:,} {memory_size(operator['bytes'])}"
    yield from (f"{what(row)} {row['workload']}: {row['error']}" for row in records().profiles["failures"])


COSTS = {
    "instructions": 1 / 12e9, "mispredicted branches": 15 / 3e9, "first-level misses": 14 / 3e9,
    "last-level misses": 90e-9,
}  # fmt: skip


def counts() -> Text:
    yield "32 KB and 32 MB"
    rows = digests("cachegrind", "hardware")
    for row in rows:
        yield from each(row)
    yield "4 instructions at 3 GHz, 15 and 14 cycles, 90 ns"
    for row in rows:
        yield from explained(row)


def per_unit(row: dict[str, Any], part: str) -> dict[str, float]:
    return {name: total / (row["repeats"] * row["units"]) for name, total in row[part].items()}


def each(row: dict[str, Any]) -> Text:
    for part in ("compiled", "call") if what(row) == "encode/jit" else ("call",):
        took = time(row["seconds_plain"] / row["repeats"] / row["units"]) if part == "call" else ""
        numbers = (plain(number) for name, number in per_unit(row, part).items() if name != "cycles")
        yield f"{what(row)} {row['workload']} {took} {' '.join(numbers)}"


def explained(row: dict[str, Any]) -> Text:
    names = {"mispredicted": "mispredicted branches", "d1_misses": "first-level misses"}
    names |= {"instructions": "instructions", "ll_misses": "last-level misses"}
    took = {names[name]: n * COSTS[names[name]] for name, n in per_unit(row, "call").items() if name in names}
    largest_first = sorted(took.values(), reverse=True)
    seconds = row["seconds_plain"] / row["repeats"] / row["units"]
    yield f"{what(row)} {row['workload']} {time(seconds)} {' '.join(map(time, largest_first))}"
    yield share(sum(largest_first) / seconds)


def memory() -> Text:
    for row in digests("memray"):
        for site in row["sites"][:3]:
            yield f"{what(row)} {row['workload']} {memory_size(row['peak_bytes'])} {site['name']}"
            part = share(site["bytes"] / row["peak_bytes"])
            yield f"{site['file']}:{site['line']} {memory_size(site['bytes'])} {part}"
    for row in digests("rss"):
        before, peak = sum(row["memory"][0][1:]), row["peak_bytes"]
        below = max(below for _, _, below in row["memory"])
        yield f"{what(row)} {row['workload']} " + " ".join(map(memory_size, (before, peak, peak - before, below)))
        yield time(row["memory"][-1][0])
    yield from (*values("memory"), *values("trainer_memory"))
    for row in study("trainer_memory"):
        rose = row["samples"][0] - row["before_bytes"]
        yield f"{memory_size(row['bytes'])} {row['unique_pretokens']:,} {memory_size(row['predicted_bytes'])}"
        yield f"{memory_size(rose)} {rose / row['predicted_bytes']:.2f}"
    for row in digests("torch"):
        held = row["tensor_bytes"]
        for kind, told in held["predicted"].items():
            yield f"{what(row)} {held['batch_size']} x {held['block_size']} {memory_size(told)}"
            yield f"{memory_size(held['measured'][kind])} {held['measured'][kind] / told:.3f}"
