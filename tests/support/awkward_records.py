"""Records whose numbers are awkward, and the report made from them.

No quartile equals a median, hardly any size is round, and times run from nanoseconds to hours.
"""

from __future__ import annotations

import copy
import hashlib
import itertools
import random
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

from reports.__main__ import main
from tests.support.records import (
    benchmarks_record,
    functions,
    peers_record,
    point,
    profiles_record,
    quantile,
    step_record,
    studies_record,
    write,
)

Row = dict[str, Any]

NAME = "0001_x_20260101_000000.json"

CORPORA: dict[str, Row] = {
    "stories-100KB": {"bytes": 98_765, "pretokens": 23_457, "unique_pretokens": 1_939, "vocab_size": 317},
    "stories-5MB": {"bytes": 5_432_101, "pretokens": 1_180_003, "unique_pretokens": 7_901, "vocab_size": 4_099},
}
SECONDS = {"stories-100KB": 3.7e-5, "stories-5MB": 4_321.0}
BYTES = {10_000: 10_007, 1_000_000: 1_048_583}
STAGES = ("count", "train", "encode")
PARTS = ("read", "split", "count", "merge", "encode", "write")


# Records.


def awkward(value: float, *key: object) -> float:
    """Return a number near another, the same for the same key."""
    return value * random.Random(str(key)).uniform(0.71, 1.37)


def awkward_benchmarks() -> Row:
    record = benchmarks_record()
    for case in record["benchmarks"]:
        info = case["extra_info"]
        info |= CORPORA[info["workload"]] | {"workers": 3, "versions": {"numpy": "2.4.6", "regex": "2026.1"}}
        info["corpus_sha256"] = hashlib.sha256(info["workload"].encode()).hexdigest()
        factor = awkward(SECONDS[info["workload"]], info["stage"], info["impl"], info["workload"])
        data = [factor * seconds for seconds in case["stats"]["data"]]
        shares = {"min": 0, "q1": 0.25, "median": 0.5, "q3": 0.75}
        case["stats"] = {"data": data, "rounds": 9, **{name: quantile(data, share) for name, share in shares.items()}}
    reason = {"reason": "recounts for each of 3,839 merges: hours on 5 MB"}
    record["skipped"] = [{"stage": "train", "impl": "slowest", "workload": "stories-5MB", **reason}]
    wrong = {"error": "output differs from the oracle's (12 instead of 13)"}
    record["errors"] = [{"stage": "train", "impl": "wrong", "workload": "stories-5MB", **wrong}]
    record["arguments"] = ["bench", "--quiet", "-k", "not 7"]
    return record


def awkward_studies() -> Row:
    record = studies_record()
    studies = record["studies"]
    for name, study in studies.items():
        for row in study["points"]:
            for fact, value in row["facts"].items():
                if isinstance(value, int | float) and fact not in ("bytes", "documents", "seed", "vocab_size"):
                    row["facts"][fact] = type(value)(awkward(value, name, fact, row["series"], row["x"]))
            if name in ("stages", "merges"):
                row["facts"]["bytes"] = BYTES[row["facts"]["bytes"]]
            elif "bytes" in row["facts"]:
                row["facts"]["bytes"] = int(awkward(row["facts"]["bytes"], name, row["x"]))
            if study["unit"] == "bytes":
                row["samples"] = [awkward(row["samples"][0], name, row["series"], row["x"])]
            else:
                row["samples"] = [awkward(value, name, row["series"], row["x"]) for value in row["samples"]]
    for row in studies["size"]["points"]:  # The fastest at last is not the fastest everywhere.
        if (row["series"], row["x"]) == ("encode/jit", 10_000):
            row["samples"] = [1_000 * value for value in row["samples"]]
    for row in studies["compression"]["points"]:
        row["facts"]["tokens_in_vocabulary"] = 997 if "stories" in row["x"] else 1_013
    later = copy.deepcopy(studies["stages"]["points"][-len(PARTS) :])
    for row in later:
        row["facts"]["bytes"] = BYTES[1_000_000]
        row["series"] = row["series"].replace("10000", "1000000")
    studies["stages"]["points"] += later
    studies["merges"]["points"] = [
        point(f"train/{impl}, 1", "all", 1.0, bytes=BYTES[n], impl=impl, total_seconds=awkward(3.0, impl, n))
        | {"samples": [awkward(0.002 / (1 + place), impl, n, place) for place in range(137)]}
        for n, impl in itertools.product(BYTES, ("incremental", "jit"))
    ]
    studies["pretoken_length"]["points"] += [
        point(series, n, 0.01 * n**0.9 * factor)
        for n, factor in ((256, 1.3), (1_024, 0.8), (4_096, 1.1))
        for series in ("train/jit", "encode/jit")
    ] + [point("train/alone", 4, 2.0)]
    studies["vocabulary"]["points"].append(point("train/jit", 30_011, 0.3, stage="train", impl="jit"))
    studies["workers"]["points"].append(point("count/process_pool", 2, 0.7))
    studies["size"]["left_out"] = [
        {"series": series, "x": x, "reason": f"about {x / 1e6:.3g} s a call to expect"}
        for series, x in (("train/naive", 30_000_000), ("train/naive", 100_000_000), ("encode/heap", 3_000.5))
    ]
    studies["calls"]["errors"] = [{"series": "encode/heap", "x": 777, "error": "outputs differ (12 instead of 13)"}]
    for row in studies["faults"]["points"]:
        if row["facts"]["kind"] == "memory":
            row["samples"] = [123_456.0 if row["series"] == "here" else 98_765_432.0]
        row["facts"]["result"] = f"{row['series']}: 17 of 19"
    return record


def awkward_profiles() -> Row:
    record = profiles_record()
    record["digests"].append(copy.deepcopy(record["digests"][5]) | {"impl": "finditer"})
    record["digests"].append(copy.deepcopy(record["digests"][0]) | {"impl": "weighted"})
    for place, digest in enumerate(record["digests"]):
        if "functions" in digest:
            digest |= functions(*(awkward(own, place, own) for own in (3.0, 2.0, 1.0, 0.5, 0.4, 0.3, 1e-3)))
            for row in digest["functions"]:
                row |= {"cumulative": awkward(row["cumulative"], row), "calls": int(awkward(row["calls"], row))}
                row["bytes"] = int(awkward((-1) ** row["line"] * 7e6, row))
            if digest["tool"] != "torch":
                digest["functions"][1] |= {"cumulative": None, "file": "~"}
                digest["functions"][2]["calls"] = None
            digest["own_total"] = 1.3 * sum(row["own"] for row in digest["functions"])
        if "tensor_bytes" in digest:
            held = digest["tensor_bytes"] | {"steps": 3, "batch_size": 17, "block_size": 131}
            digest["tensor_bytes"] = held | {
                side: {kind: int(awkward(size, side, kind)) for kind, size in held[side].items()}
                for side in ("predicted", "measured")
            }
        if "sites" in digest:
            digest["sites"] = [
                digest["sites"][0] | {"name": f"site{n}", "bytes": 31_234_567 // n} for n in range(1, 5)
            ]
        if "memory" in digest:
            samples = digest["memory"]
            digest["memory"] = [
                [awkward(n, place), int(own * 1.1), int(below * 1.3) + 77_777] for n, own, below in samples
            ]
        for name in ("seconds_plain", "slow_down", "peak_bytes"):
            if name in digest:
                digest[name] = awkward(digest[name], place, name)
        digest["repeats"] = 3 + place
    return record


def awkward_peers() -> Row:
    record = peers_record()
    record["corpus"]["bytes"], record["vocab_size"] = 63_712_345, 32_123
    first = record["measurements"][0]
    for side in first["sides"]:
        for place, sample in enumerate(side["samples"]):
            side["samples"][place] = {
                name: awkward(value, side["name"], place, name) for name, value in sample.items()
            }
    usual = first["rows"][0]
    first["rows"] = [
        usual | {"values": [3.141, 4.567, 5.012]},
        usual | {"values": [1_234.5, 999.4, 2_345.6], "work": "far: apart", "bar": None, "verdict": "-"},
        usual | {"values": [0.731, 0.912, 0.655], "unit": "s", "bar": 0.5, "at_least": False, "sides": ["ours", ""]},
        usual | {"values": [0.98, 1.01, 1.04], "unit": "", "bar": 1.05, "at_least": False, "metric": "peak_rss"},
    ]
    return record


def awkward_step() -> Row:
    record = step_record()
    record["threads"] = 3
    for place, run in enumerate(record["models"]):
        run |= {"parameters": 1_874_689 + place, "batch": 7, "block": 61 + place, "compiled": bool(place)}
        for side in run["sides"]:
            side["loss"] = awkward(side["loss"], place)
            side["samples"] = [awkward(value, side["name"], place, value) for value in side["samples"]]
    for row in record["operations"]:
        for ops, samples in row["samples"].items():
            row["samples"][ops] = [awkward(value, row["name"], ops, value) for value in samples]
    return record


class Records(NamedTuple):
    """The records of a report, one per kind."""

    bench: Row
    studies: Row
    profiles: Row
    peers: Row
    step: Row


@cache
def records() -> Records:
    return Records(awkward_benchmarks(), awkward_studies(), awkward_profiles(), awkward_peers(), awkward_step())


def make_report(folder: Path) -> tuple[str, str]:
    """Return HTML and Markdown of the awkward records, made in a folder."""
    for kind, content in zip(("studies", "profiles", "peers", "step"), records()[1:], strict=True):
        write(folder / "machine" / kind / NAME, content)
    record = write(folder / "machine" / "Linux" / NAME, records().bench)
    assert main([str(record), "--out", str(folder)]) == 0
    return (folder / "index.html").read_text(), (folder / "report.md").read_text()
