"""The numbers of sections from records of the benchmarks, of peers and of the step, computed again.

Each function yields the text that must stand in a section; its numbers are compared, with their units and order.
"""

from __future__ import annotations

import statistics
import tomllib
from collections.abc import Iterator

from tests.support import ROOT
from tests.support.awkward_records import NAME, records
from tests.support.report_arithmetic import (
    between,
    cases,
    digests,
    grouped,
    ladders,
    memory_size,
    over,
    own_shares,
    peer_number,
    ranked,
    share,
    short,
    slope,
    spread,
    study,
    time,
    times,
    what,
)

Text = Iterator[str]


def summary() -> Text:
    yield f"Run of {records().bench['datetime']}"
    for (stage, workload), rows in ladders().items():
        best = min(rows, key=lambda row: row["time"].median)
        gain, low, high = over(rows[0]["time"], best["time"])
        rate = best["bytes"] / best["time"].median / 1e6
        yield f"{stage}, {workload}: {times(gain)} ({times(low)} to {times(high)}), {short(rate)} MB/s"
    yield from (f"{what(row)} {row['workload']} {row['error']}" for row in records().bench["errors"])
    for stage, found in ranked().items():
        fastest = found[-1][1][0]["series"]
        yield slope([row for row in study("size") if row["series"] == fastest and row["stage"] == stage])[0]
    for found in ranked().values():
        fastest = found[-1][1][0]["impl"]
        others = [place for place, (_, rows) in enumerate(found) if rows[0]["impl"] != fastest]
        yield f"from {memory_size(found[max(others, default=-1) + 1][0])} on"


def ladder(stage: str, workload: str) -> Text:
    for row in ladders()[stage, workload]:
        gain, low, high = over(ladders()[stage, workload][0]["time"], row["time"])
        yield row["idea"]
        yield f"{time(row['time'].median)} {between(row['time'].q1, row['time'].q3, time)}"
        rate = short(row["bytes"] / row["time"].median / 1e6)
        yield f"{times(gain)} {between(low, high)} {rate} {row['rounds']}"


def story() -> Text:
    told = tomllib.loads((ROOT / "reports" / "ideas.toml").read_text())
    for stage, rows in grouped(cases(), "stage").items():
        for impl in dict.fromkeys(row["impl"] for row in rows):
            words = told.get(stage, {}).get(impl)
            assert words, f"{stage}/{impl} has no text in reports/ideas.toml"
            yield f"{next(row['idea'] for row in rows if row['impl'] == impl)} {words['removes']}"
            for (other, workload), steps in ladders().items():
                place = [row["impl"] for row in steps].index(impl) if other == stage else 0
                if place:
                    gain, low, high = over(steps[place - 1]["time"], steps[place]["time"])
                    yield f"{times(gain)} {workload} ({times(low)} to {times(high)})"
            yield words["bound"]
            seen = [row for row in digests("cprofile") if (row["stage"], row["impl"]) == (stage, impl)]
            if seen:
                yield seen[-1]["workload"]
                yield from (f"{name} {share(part)}" for name, part in own_shares(seen[-1], 3))
    for (stage, workload), rows in ladders().items():
        for row in rows if stage == "train" else []:
            merges = row["vocab_size"] - 256 - 1  # The bytes, and one special token.
            total = row["time"].median
            yield f"{workload} {row['pretokens']:,} {row['unique_pretokens']:,}"
            repeats = round(row["pretokens"] / row["unique_pretokens"])
            yield f"{repeats}x {time(total)} {merges:,} {time(total / merges)}"
            yield times(rows[0]["time"].median / total)


def peers() -> Text:
    record = records().peers
    yield f"{memory_size(record['corpus']['bytes'])} {record['vocab_size']:,}"
    for measurement in record["measurements"]:
        for row in measurement["rows"]:
            yield f"{measurement['id']} {row['work']}"
            numbers = [row["bar"], statistics.median(row["values"]), min(row["values"]), max(row["values"])]
            yield " .. ".join(peer_number(value, row["unit"]) for value in numbers if value is not None)
            write = memory_size if row["metric"] == "peak_rss" else time
            for name in filter(None, row["sides"]):
                (side,) = (side for side in measurement["sides"] if side["name"] == name)
                yield write(statistics.median(sample[row["metric"]] for sample in side["samples"]))
    yield from (f"{row['id']} {row['error']}" for row in record["measurements"] if row["error"])


def step() -> Text:
    record = records().step
    yield f"{record['threads']} threads; " + " ".join(record["versions"].values())
    for run in record["models"]:
        yield f"{run['model']} {run['parameters']:,} {run['batch']} x {run['block']} {run['precision']}"
        yield f"{run['sides'][0]['loss']:.4f}"
        ours = spread(run["sides"][0]["samples"])
        for place, side in enumerate(run["sides"]):
            taken = spread(side["samples"])
            yield f"{side['name']} {time(taken.median)} {run['batch'] * run['block'] / taken.median:,.0f}"
            yield fixed(*over(taken, ours)) if place else ""
            yield f"{side['bar']:g}x" if side["bar"] else ""
    for row in record["operations"]:
        reference, fused = (spread(row["samples"][ops]) for ops in ("reference", "fused"))
        yield f"{row['name']} {time(reference.median)} {time(fused.median)} {fixed(*over(reference, fused))}"


def fixed(*gains: float) -> str:
    return " ".join(f"{gain:.2f}x" for gain in gains)


def workloads() -> Text:
    yield "corpus sha256"
    for workload, (row, *_) in grouped(cases(), "workload").items():
        yield f"{workload} {row['bytes']:,} {row['pretokens']:,} {row['unique_pretokens']:,}"
        yield f"{round(row['pretokens'] / row['unique_pretokens'])}x {row['vocab_size']:,}"
        yield row["corpus_sha256"][:16]
    for row in records().bench["skipped"]:
        yield f"{what(row)} {row['workload']}: {row['reason']}"


def machine() -> Text:
    record = records().bench
    info, cpu = record["machine_info"], record["machine_info"]["cpu"]
    yield f"{cpu['brand_raw']}, {cpu['count']} cores, {cpu['memory_bytes'] / 1024**3:.1f} GiB {info['release']}"
    yield f"{info['python_version']} " + " ".join(cases()[0]["versions"].values())
    yield f"{record['commit_info']['id'][:12]} {NAME} {record['datetime']} 'not 7'"
    yield from (f"{NAME} {other['datetime'][:19]}" for other in records()[1:])


def method() -> Text:
    yield f"'not 7' {cases()[0]['workers']} workers"
    yield "a factor of 100 of the largest"
