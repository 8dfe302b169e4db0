"""Every number that the report shows is computed again here from the records, and none is shown that is not.

For each section the text that must stand there is written anew; then the numbers of the section, with their units and
in their order, must be those of that text.
"""

from __future__ import annotations

import math
import re
import statistics
import tomllib
from collections.abc import Callable, Iterator
from html import unescape
from typing import Any

import numpy as np
import pytest

from reports.fit import growth as growth_of
from tests.support import ROOT
from tests.support.awkward_records import (
    CHAINS,
    CORPORA,
    GROWTH,
    NAME,
    PARTS,
    STAGES,
    between,
    cases,
    chain_times,
    digests,
    figures,
    grouped,
    ladders,
    make_report,
    memory_size,
    over,
    own_shares,
    peer_number,
    plain,
    ranked,
    records,
    share,
    short,
    slope,
    spread,
    stage_parts,
    student,
    study,
    time,
    times,
    what,
)

Text = Iterator[str]


# The text of each section, in its order.


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
            yield f"{next(row['idea'] for row in rows if row['impl'] == impl)} {told[stage][impl]['removes']}"
            for (other, workload), steps in ladders().items():
                place = [row["impl"] for row in steps].index(impl) if other == stage else 0
                if place:
                    gain, low, high = over(steps[place - 1]["time"], steps[place]["time"])
                    yield f"{times(gain)} {workload} ({times(low)} to {times(high)})"
            yield told[stage][impl]["bound"]
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
    record = records().lm
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


def place_writer(name: str) -> Callable[[Any], str]:
    if name in ("script", "start", "compression"):
        return str
    in_bytes = name in ("size", "memory", "trainer_memory", "pretoken_length")
    return memory_size if in_bytes else plain


def values(name: str) -> Text:
    """The table of a study: a row a series, a column a place."""
    about, points = records().sweeps["studies"][name], study(name)
    write = {"s": time, "bytes": memory_size, "bytes a token": lambda value: f"{value:.2f}"}[about["unit"]]
    places = list(dict.fromkeys(row["x"] for row in points))
    yield " ".join([about["x"], *map(place_writer(name), places)])
    for series, rows in grouped(points, "series").items():
        yield series
        for row in (row for place in places for row in rows if row["x"] == place):
            half = (row["time"].q3 - row["time"].q1) / 2 / row["time"].median
            yield write(row["time"].median) + (f" ±{share(half)}" if len(row["samples"]) > 1 else "")


def not_measured(name: str) -> Text:
    about = records().sweeps["studies"][name]
    for series, rows in grouped(about["left_out"], "series").items():
        yield f"{series}: {plain(rows[0]['x'])} ({rows[0]['reason']})"
    yield from (f"{row['series']} at {row['x']}: {row['error']}" for row in about["errors"])


def slopes(name: str) -> Text:
    yield "95 %"
    for series, rows in grouped(study(name), "series").items():
        value, n = slope(rows)
        yield f"{series} {value} {n}"


def growth(name: str) -> Text:
    if name != "workers":
        yield from values(name)
    if name in ("size", "vocabulary", "pretoken_length"):
        yield from slopes(name)
    yield from {"workers": workers, "duplication": duplication}.get(name, lambda: iter(()))()
    yield from not_measured(name)
    yield from {"size": rates, "compression": vocabularies}.get(name, lambda: iter(()))()


def rates() -> Text:
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
    yield f"{records().sweeps['machine_info']['cpu']['count']} cores"
    for series, rows in grouped(study("workers"), "series").items():
        alone = [row["time"].median for row in rows if row["x"] == 1]
        for row in rows:
            yield f"{series} {plain(row['x'])} {time(row['time'].median)}"
            if alone:
                gain = alone[0] / row["time"].median
                yield f"{gain:.2f}x {share(gain / row['x'])}"


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


def workloads() -> Text:
    yield "corpus sha256"
    for workload, (row, *_) in grouped(cases(), "workload").items():
        yield f"{workload} {row['bytes']:,} {row['pretokens']:,} {row['unique_pretokens']:,}"
        yield f"{round(row['pretokens'] / row['unique_pretokens'])}x {row['vocab_size']} {row['corpus_sha256'][:16]}"
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


def expected() -> dict[str, Text]:
    """By title: the text whose numbers are those of the section."""
    return {
        "Summary": summary(),
        **{f"{stage}, {workload}": ladder(stage, workload) for workload in CORPORA for stage in STAGES},
        "The ladder, step by step": story(),
        "Against other tokenizers": peers(),
        "The training step": step(),
        **{title: growth(name) for title, name in GROWTH.items()},
        "Stages": stages(),
        "Bottlenecks": bottlenecks(),
        "Memory": memory(),
        "Does the small set show the bottleneck of the large one?": downscaling(),
        "A vocabulary of 10,000": ten_thousand(),
        "Which implementation to take": picks(),
        "Known faults of tokenizer programs": faults(),
        "Workloads": workloads(),
        "Machine": machine(),
        "How to read and reproduce it": method(),
    }


# The report.


def parts_of(markdown: str) -> dict[str, str]:
    """Return the text below each title; what stands before the first is below the empty title."""
    first, *rest = re.split(r"^## ", markdown, flags=re.MULTILINE)
    return {"": first} | {title: body for title, _, body in (part.partition("\n") for part in rest)}


@pytest.fixture(scope="module")
def report(tmp_path_factory: pytest.TempPathFactory) -> tuple[str, str]:
    return make_report(tmp_path_factory.mktemp("report"))


@pytest.mark.parametrize("title", [pytest.param(title, id=title.split("?")[0]) for title in expected()])
def test_every_number_of_a_section_is_computed_again(report: tuple[str, str], title: str) -> None:
    shown, wanted = figures(parts_of(report[1])[title]), figures("\n".join(expected()[title]))
    assert len(wanted) > 1
    assert shown == wanted


def test_no_section_is_left_over(report: tuple[str, str]) -> None:
    first, *titles = parts_of(report[1])
    assert titles == list(expected())
    assert figures(parts_of(report[1])[first]) == [NAME] * len(records())


def without_markup(page: str) -> str:
    return unescape(re.sub(r"<[^>]+>", " ", page))


def test_the_page_shows_the_numbers_of_the_markdown(report: tuple[str, str]) -> None:
    bodies = re.findall(r"<section>(.*?)</section>", report[0], re.DOTALL)
    without_drawings = [re.sub(r"<figure>.*?</figure>", "", body, flags=re.DOTALL) for body in bodies]
    words = parts_of(report[1].replace("\\|", "|"))
    for body, (title, text) in zip(without_drawings, list(words.items())[1:], strict=True):
        assert figures(without_markup(body)) == figures(f"{title} {text}")


@pytest.mark.parametrize("n", range(3, 35))
def test_the_interval_of_a_slope_is_that_of_student(n: int) -> None:
    random = np.random.default_rng(n)
    points = [(10 ** (place / n), 10 ** (1.1 * place / n) * random.uniform(0.8, 1.2)) for place in range(n)]
    (value, _), covariance = np.polyfit(*np.log(points).T, 1, cov=True)
    # Beyond 30 degrees of freedom the quantile is that of 30: an interval that is a little too wide.
    half = student(min(n - 2, 30)) * math.sqrt(covariance[0, 0])
    assert growth_of(points) == pytest.approx((value, value - half, value + half, n), rel=1e-3)
