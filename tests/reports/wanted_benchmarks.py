"""The numbers of sections from records of the benchmarks, of peers, of the step and of faults, computed again.

Each function yields the text that must stand in a section; its numbers are compared, with their units and order.
"""

from __future__ import annotations

import statistics
import tomllib
from collections.abc import Iterator

from tests.reports.wanted_profiles import per_unit
from tests.support import ROOT
from tests.support.awkward_records import NAME, Row, records
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
    plain,
    ranked,
    share,
    short,
    spread,
    study,
    time,
    times,
    what,
)

Text = Iterator[str]


def summary() -> Text:
    yield f"{records().bench['machine_info']['cpu']['brand_raw']} {records().bench['datetime'][:10]}"
    yield " ".join(dict.fromkeys(row["workload"] for row in cases()))
    for rows in ladders().values():
        best = min(rows, key=lambda row: row["time"].median)
        yield f"{times(over(rows[0]['time'], best['time'])[0])} {rate_with_unit(best)}"
    for found in ranked().values():
        fastest = found[-1][1][0]["impl"]
        others = [place for place, (_, rows) in enumerate(found) if rows[0]["impl"] != fastest]
        yield f"from {memory_size(found[max(others, default=-1) + 1][0])} on"
    for state in ("full cache", "empty cache"):
        (row,) = (row for row in study("start") if (row["series"], row["x"]) == ("compiled", state))
        calls = zip(row["first_call_seconds"], row["second_call_seconds"], strict=True)
        yield time(statistics.median(first - second for first, second in calls))
    yield from (f"{what(row)} {row['workload']} {row['error']}" for row in records().bench["errors"])


def rate(row: Row) -> str:
    """Merges per second of a trainer, bytes per second of all others."""
    merges = row["vocab_size"] - 256 - 1  # The bytes, and one special token.
    return short((merges if row["stage"] == "train" else row["bytes"] / 1e6) / row["time"].median)


def rate_with_unit(row: Row) -> str:
    return f"{rate(row)} {'merges' if row['stage'] == 'train' else 'MB'}/s"


def verdicts() -> Text:
    yield f"Run of {records().bench['datetime']}"
    for (stage, workload), rows in ladders().items():
        best = min(rows, key=lambda row: row["time"].median)
        gain, low, high = over(rows[0]["time"], best["time"])
        yield f"{stage}, {workload}: {times(gain)} ({times(low)} to {times(high)}), {rate_with_unit(best)}"


def all_cases() -> Text:
    for (_, workload), rows in ladders().items():
        for row in rows:
            gain, low, high = over(rows[0]["time"], row["time"])
            yield f"{workload} {time(row['time'].median)} {between(row['time'].q1, row['time'].q3, time)}"
            yield f"{times(gain)} {between(low, high)} {rate(row)} {row['rounds']}"


def ladder(stage: str, workload: str) -> Text:
    for row in ladders()[stage, workload]:
        gain, low, high = over(ladders()[stage, workload][0]["time"], row["time"])
        yield row["idea"]
        yield f"{time(row['time'].median)} {between(row['time'].q1, row['time'].q3, time)}"
        yield f"{times(gain)} {between(low, high)} {rate(row)} {row['rounds']}"
        place = (stage, row["impl"], workload)
        counted = [
            one for one in digests("cachegrind", "hardware") if (one["stage"], one["impl"], one["workload"]) == place
        ]
        for counts in [per_unit(one, "call") for one in counted][:1]:
            names = ("instructions", "mispredicted", "d1_misses", "ll_misses")
            yield " ".join(plain(counts[name]) for name in names if name in counts)


def story(stage: str) -> Text:
    told = tomllib.loads((ROOT / "reports" / "ideas.toml").read_text())
    rows = grouped(cases(), "stage")[stage]
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
        for row in [row for row in digests("counters") if (row["stage"], row["impl"]) == (stage, impl)][-1:]:
            yield from (f"{row['workload']} {step} {n:,}" for step, n in row["phases"].items())


def savings() -> Text:
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
            yield f"{record['vocab_size']:,}" if row["work"].startswith("train") else row["work"]
            numbers = [row["bar"], statistics.median(row["values"]), min(row["values"]), max(row["values"])]
            yield " .. ".join(peer_number(value, row["unit"]) for value in numbers if value is not None)
            write = memory_size if row["metric"] == "peak_rss" else time
            for name in filter(None, row["sides"]):
                (side,) = (side for side in measurement["sides"] if side["name"] == name)
                yield write(statistics.median(sample[row["metric"]] for sample in side["samples"]))
            yield measurement["id"]
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


def kills() -> Text:
    record, counts = records().faults, ("runs", "before", "during", "after", "resumed")
    yield f"Seed {record['seed']}, {time(record['seconds'])}"
    for rows in grouped(record["faults"], "fault").values():
        for some in [*([row] for row in rows), *([rows] if len(rows) > 1 else [])]:
            numbers = [sum(row[name] for row in some) for name in counts]
            yield " ".join(f"{number:,}" for number in (*numbers, sum(len(row["violations"]) for row in some)))
    yield from (line for row in record["faults"] for line in row["violations"])
    yield "python -m bench fuzz --faults 100"


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
