"""The numbers of sections from studies, computed again; see `wanted_benchmarks`."""

from __future__ import annotations

import math
import statistics
from collections.abc import Callable, Iterator
from typing import Any

from tests.support.awkward_records import PARTS, records
from tests.support.report_arithmetic import (
    CHAINS,
    between,
    chain_times,
    digests,
    grouped,
    memory_size,
    over,
    own_shares,
    plain,
    ranked,
    share,
    short,
    slope,
    stage_parts,
    study,
    time,
    times,
)

Text = Iterator[str]


def place_writer(name: str) -> Callable[[Any], str]:
    if name in ("script", "start", "compression"):
        return str
    in_bytes = name in ("size", "memory", "trainer_memory", "pretoken_length")
    return memory_size if in_bytes else plain


def values(name: str) -> Text:
    """The table of a study: a row a series, a column a place."""
    about, points = records().studies["studies"][name], study(name)
    write = {"s": time, "bytes": memory_size, "bytes per token": lambda value: f"{value:.2f}"}[about["unit"]]
    places = list(dict.fromkeys(row["x"] for row in points))
    yield " ".join([about["x"], *map(place_writer(name), places)])
    for series, rows in grouped(points, "series").items():
        yield series
        for row in (row for place in places for row in rows if row["x"] == place):
            half = (row["time"].q3 - row["time"].q1) / 2 / row["time"].median
            yield write(row["time"].median) + (f" ±{share(half)}" if len(row["samples"]) > 1 else "")


def not_measured(name: str) -> Text:
    about = records().studies["studies"][name]
    for series, rows in grouped(about["left_out"], "series").items():
        yield f"{series}: {plain(rows[0]['x'])} ({rows[0]['reason']})"
    yield from (f"{row['series']} at {row['x']}: {row['error']}" for row in about["errors"])


def slopes(name: str) -> Text:
    yield "95 %"
    for series, rows in grouped(study(name), "series").items():
        value, n = slope(rows)
        yield f"{series} {value} {n}"


def growth(name: str) -> Text:
    if name in ("size", "vocabulary", "pretoken_length"):
        yield from slopes(name)
    yield from {"workers": workers, "duplication": duplication}.get(name, lambda: iter(()))()
    if name != "workers":
        yield from values(name)
    yield from not_measured(name)
    yield from {"size": reach_and_rates, "compression": vocabularies}.get(name, lambda: iter(()))()


def reach_and_rates() -> Text:
    rows = [row for row in study("size") if row["stage"] == "train"]
    places = [row["x"] for row in rows if row["x"] >= max(row["x"] for row in rows) / 100]
    small = next(row for row in rows if row["x"] == min(places))
    large = [row for row in rows if row["x"] == max(places)][-1]
    yield f"{times(large['x'] / small['x'])} {times(large['unique_pretokens'] / small['unique_pretokens'])}"
    yield "825 GB"
    for series, rows in grouped((row for row in study("size") if row["stage"] == "encode"), "series").items():
        row = max(rows, key=lambda row: row["x"])
        second, tokens = row["time"].median, row["output_length"]
        per_second = [short(row[unit] / second / 1e6) for unit in ("bytes", "output_length", "characters")]
        per_token = [f"{row[unit] / tokens:.2f}" for unit in ("bytes", "characters")]
        hours = 825e9 / (row["bytes"] / second) / 3600
        yield " ".join([series, memory_size(row["bytes"]), *per_second, *per_token, f"{hours:,.1f} h"])


def duplication() -> Text:
    for copies, rows in grouped(study("duplication"), "x").items():
        naive, weighted = (row for row in rows if row["impl"] in ("naive", "weighted"))
        gain, low, high = over(naive["time"], weighted["time"])
        repeats = weighted["pretokens"] / weighted["unique_pretokens"]
        yield f"{plain(copies)} {repeats:.1f}x {times(gain)} {between(low, high)}"


def workers() -> Text:
    yield f"{records().studies['machine_info']['cpu']['count']} cores"
    lost: list[str] = []
    for series, rows in grouped(study("workers"), "series").items():
        alone = [row["time"].median for row in rows if row["x"] == 1]
        for row in rows:
            yield f"{series} {plain(row['x'])} {time(row['time'].median)}"
            if alone:
                gain = alone[0] / row["time"].median
                yield f"{gain:.2f}x {share(gain / row['x'])}"
                lost += [f"{plain(row['x'])} {gain:.2f}x"] if gain < 1 else []
    yield from lost


def vocabularies() -> Text:
    points = study("compression")
    yield f"{points[0]['documents']} documents {points[0]['seed']}"
    short_of_pairs = [row for row in points if row["tokens_in_vocabulary"] < row["vocab_size"]]
    yield from (f"{row['series']}: {row['tokens_in_vocabulary']:,}" for row in short_of_pairs)


def stages() -> Text:
    for rows in grouped(study("stages"), "bytes").values():
        for series, some in grouped(rows, "series").items():
            parts = stage_parts(some)
            total = sum(parts.values())
            yield series.split(",")[0]
            yield from (f"{time(parts[part])} ({share(parts[part] / total)})" for part in PARTS)
            yield time(total)
    for row in study("merges"):
        samples = row["samples"]
        tenth = len(samples) // 10
        yield f"{row['series']} {len(samples):,} {time(statistics.median(samples[:tenth]))}"
        yield f"{time(statistics.median(samples[-tenth:]))} {time(math.fsum(samples))} {time(row['total_seconds'])}"


def downscaling() -> Text:
    for names in CHAINS.values():
        largest = []
        for x, parts in chain_times(names).items():
            yield " ".join([memory_size(x), *(share(part / sum(parts)) for part in parts)])
            largest.append(parts.index(max(parts)))
        yield f"{memory_size(x)} {largest.count(largest[-1])} of {len(largest)}"
    for name, rows in grouped(digests("cprofile"), "stage", "impl").items():
        if len(rows) > 1:
            yield "/".join(name)
            for row in (rows[0], rows[-1]):
                yield f"{row['workload']}: " + " ".join(f"{f} {share(part)}" for f, part in own_shares(row, 1))


def ten_thousand() -> Text:
    for row in study("ten_thousand"):
        sizes = memory_size(row["bytes"]), time(row["time"].median), memory_size(row["peak_bytes"])
        yield " ".join([row["series"], *sizes, f"{row['merges']:,}", row["longest_token"]])
        yield str(row["longest_token_bytes"])
    yield from not_measured("ten_thousand")


def picks() -> Text:
    for stage, found in ranked().items():
        for x, (best, after, *_) in found:
            gain, low, high = over(after["time"], best["time"])
            yield f"{stage} {memory_size(x)} {time(best['time'].median)} {times(gain)} {between(low, high)}"


def faults() -> Text:
    for _, rows in grouped(study("faults"), "kind", "x").items():
        faulty, here = rows
        if faulty["kind"] in ("correctness", "trainer"):
            yield f"{faulty['result']} {here['result']}"
        else:
            write = memory_size if faulty["kind"] == "memory" else time
            gain, low, high = over(faulty["time"], here["time"])
            yield f"{write(faulty['time'].median)} {write(here['time'].median)} {times(gain)} {between(low, high)}"
