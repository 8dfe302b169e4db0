"""Records with made-up samples, complete in form: tests compute the figures of a report from them again."""

from __future__ import annotations

import json
import random
from pathlib import Path
from typing import Any

from bench.code import code_digests, module_digest
from bench.record import VERSION, cpu_info
from bench.studies import STUDIES, load
from impls.registry import STAGES, implementations

SHA = "ab" * 32
COMMIT = {"id": "c" * 40, "dirty": False}
PIPELINES = ("naive", "incremental", "jit")
SIZES = (10_000, 100_000, 1_000_000, 10_000_000)
SCRIPTS = ("Latin, 1 byte", "Han, 3 bytes", "Deseret, 4 bytes")

ABOUT = {
    "size": ("Growth with the corpus", "How does time grow with the corpus?", "corpus", "bytes", "s"),
    "vocabulary": ("Growth with the vocabulary", "And with the vocabulary?", "vocabulary", "tokens", "s"),
    "duplication": ("What repetition brings", "What does it bring?", "copies of one part in 8 KB", "copies", "s"),
    "workers": ("What workers bring", "What do more workers bring?", "workers", "workers", "s"),
    "pretoken_length": ("Long pretokens", "What do they cost?", "length of a pretoken", "bytes", "s"),
    "script": ("Scripts", "What do characters of several bytes cost?", "script", "", "s"),
    "calls": ("Small calls", "How long does a small call take?", "length of a call", "characters", "s"),
    "start": ("Start", "How long does it take until the first result?", "state", "", "s"),
    "stages": ("Stages", "Where does the time go?", "stage", "", "s"),
    "merges": ("Merges", "How does the cost of a merge change?", "merge", "", "s"),
    "memory": ("Memory of counting", "How much memory does counting need?", "corpus", "bytes", "bytes"),
    "trainer_memory": ("Memory of training", "Is it what the arrays predict?", "corpus", "bytes", "bytes"),
    "compression": ("Compression", "How many bytes does a token stand for?", "text", "", "bytes per token"),
    "ten_thousand": ("A vocabulary of 10,000", "What does it cost?", "corpus", "bytes", "s"),
    "faults": ("Faults", "What do the known faults cost?", "fault", "", "s"),
}
"""Study -> title, question, x, x_unit, unit, as its record has them."""


def machine_info() -> dict[str, Any]:
    return {
        "cpu": cpu_info(), "system": "Linux", "release": "6", "machine": "x86_64",
        "python_implementation": "CPython", "python_version": "3.11.7",
    }  # fmt: skip


def samples(around: float, n: int = 5, seed: int = 0) -> list[float]:
    draw = random.Random(f"{around} {seed}")
    return [around * draw.uniform(0.95, 1.15) for _ in range(n)]


def quantile(values: list[float], share: float) -> float:
    ordered = sorted(values)
    place = share * (len(ordered) - 1)
    low = int(place)
    high = min(low + 1, len(ordered) - 1)
    return ordered[low] + (place - low) * (ordered[high] - ordered[low])


def benchmarks_record(seed: int = 0, **slower: float) -> dict[str, Any]:
    """Return a record of the benchmarks; `train_jit=2.0` makes an implementation take twice as long."""
    digests, cases = code_digests(), []
    for workload in ("stories-100KB", "stories-5MB"):
        for stage in STAGES:
            for place, row in enumerate(implementations(stage)):
                data = samples(0.5 ** (3 * place) * slower.get(f"{stage}_{row.name}", 1.0), 9, seed)
                info = {
                    "stage": stage, "impl": row.name, "idea": row.idea, "workload": workload, "why": "made up",
                    "corpus": "stories", "corpus_sha256": SHA, "output_sha256": SHA, "bytes": 100_000,
                    "code_sha256": digests[f"{stage}/{row.name}"], "pretokens": 20_000, "unique_pretokens": 500,
                    "vocab_size": 320, "workers": 2, "versions": {"numpy": "2"},
                }  # fmt: skip
                quartiles = dict(
                    zip(("q1", "median", "q3"), (quantile(data, s) for s in (0.25, 0.5, 0.75)), strict=True)
                )
                cases.append(
                    {"extra_info": info, "stats": {"data": data, "min": min(data), "rounds": 9, **quartiles}}
                )
    return {
        "kind": "bench", "version": "5.3.1", "record_version": VERSION, "benchmarks": cases, "skipped": [],
        "machine_info": machine_info(), "commit_info": COMMIT, "datetime": "2026-01-01T00:00:00",
        "arguments": ["bench"],
    }  # fmt: skip


def head(kind: str) -> dict[str, Any]:
    return {
        "kind": kind, "record_version": VERSION, "datetime": "2026-01-01T00:00:00+00:00", "arguments": [kind],
        "machine_info": machine_info(), "commit_info": COMMIT, "versions": {}, "code": code_digests(),
    }  # fmt: skip


def point(series: str, x: float | str, around: float, **facts: Any) -> dict[str, Any]:
    return {"series": series, "x": x, "samples": samples(around), "facts": facts}


def stage_points(x: float | str, scale: float, *stages: str) -> list[dict[str, Any]]:
    digests = code_digests()
    return [
        point(
            f"{stage}/{row.name}", x, scale * 0.5 ** (3 * place), stage=stage, impl=row.name, bytes=int(1e6 * scale),
            characters=int(9e5 * scale), output_length=int(2e5 * scale), pretokens=1000, unique_pretokens=100,
            code_sha256=digests[f"{stage}/{row.name}"],
        )
        for stage in stages
        for place, row in enumerate(implementations(stage))
    ]  # fmt: skip


def studies() -> dict[str, Any]:
    points: dict[str, list[dict[str, Any]]] = {
        "size": [p for n in SIZES for p in stage_points(n, n / 1e6, "count", "train", "encode")],
        "vocabulary": [p for n in (300, 3000) for p in stage_points(n, n / 3000, "train", "encode")],
        "duplication": [p for n in (1, 4) for p in stage_points(n, 0.5 / n, "train")],
        "workers": [p for n in (1, 2) for p in stage_points(n, 1.2 / n, "count") if p["series"] == "count/jit"],
        "pretoken_length": [p for n in (4, 64) for p in stage_points(n, n / 64, "train", "encode")],
        "script": [p for name in SCRIPTS for p in stage_points(name, 0.3, "encode")],
        "calls": [p for n in (10, 1000) for p in stage_points(n, n / 1e6, "encode")],
        "start": [
            point("compiled", state, 1.0, first_call_seconds=[first, first + 0.1, first + 0.2],
                  second_call_seconds=[0.01, 0.02, 0.03])
            for state, first in (("empty cache", 9.0), ("full cache", 0.2), ("warm process", 0.2))
        ],
        "stages": [
            point(f"{chain}, 10000", part, 0.1 * (1 + place), bytes=10_000, chain=chain)
            for chain in PIPELINES
            for place, part in enumerate(("read", "split", "count", "merge", "encode", "write"))
        ],
        "merges": [
            {**point("train/jit, 10000", "all", 1.0, bytes=10_000, impl="jit", total_seconds=2.0),
             "samples": [0.001 * (100 - n) for n in range(100)]}
        ],
        "memory": [
            {**point("count/jit, 1 worker", n, 1.0, impl="jit"), "samples": [n + 5e7]}
            for n in (1_000_000, 10_000_000)
        ],
        "trainer_memory": [
            {**point("train/jit", 1_000_000, 1.0, bytes=1_000_000, predicted_bytes=10_000_000,
                     before_bytes=50_000_000, unique_pretokens=4000), "samples": [5.8e7]}
        ],
        "compression": [
            point("trained on stories, 1,000", f"documents of {name}", 4.0, documents=10, seed=0, vocab_size=1000,
                  tokens_in_vocabulary=900)
            for name in ("stories", "stdlib")
        ],
        "ten_thousand": [
            point("train/jit", 1_000_000, 0.05, bytes=1_000_000, peak_bytes=99_000_000, merges=9743,
                  longest_token=" Hedge|hog", longest_token_bytes=10)
        ],
        "faults": [
            {**point(side, f"a fault of {kind}", 3.0 if side == "faulty" else 1.0, kind=kind, result=side,
                     test="tests/bench/test_faults.py"),
             **({"samples": []} if kind in ("correctness", "trainer") else {})}
            for kind in ("speed", "memory", "correctness", "trainer")
            for side in ("faulty", "here")
        ],
    }  # fmt: skip
    fields = ("title", "question", "x", "x_unit", "unit")
    return {
        name: {**dict(zip(fields, about(name), strict=True)), "left_out": [], "errors": [], "took_seconds": 1.0,
               "points": points.get(name) or [point("made up", n, 1.0) for n in (1, 2)]}
        for name in STUDIES
    }  # fmt: skip


def about(name: str) -> tuple[str, ...]:
    """Title, question, x, x_unit and unit; of a study without a row above, as it says itself."""
    if name in ABOUT:
        return ABOUT[name]
    row = load(name)
    return row.title, row.question, row.x, row.x_unit, row.unit


def studies_record() -> dict[str, Any]:
    return {**head("studies"), "scale": "quick", "studies": studies()}


def digest(tool: str, stage: str, impl: str, **more: Any) -> dict[str, Any]:
    return {
        "tool": tool, "stage": stage, "impl": impl, "workload": "stories-100KB", "raw": "raw", "repeats": 4,
        "workers": 1, "seconds_plain": 2.0, "seconds": 5.0, "slow_down": 2.5, "sees": "all", **more,
    }  # fmt: skip


def functions(*own: float) -> dict[str, Any]:
    rows = [
        {"name": f"f{place}", "file": "impls/x.py", "line": place, "own": seconds, "cumulative": 2 * seconds,
         "calls": 1000 * place}
        for place, seconds in enumerate(own)
    ]  # fmt: skip
    return {"functions": rows, "own_total": 2.0 * sum(own)}


WORK = {"per": "pretoken", "units": 20_000, "kernels": True}
MERGES = {"per": "merge", "units": 63, "kernels": False}


def profiles_record() -> dict[str, Any]:
    site = {"name": "keep", "file": "impls/x.py", "line": 7, "bytes": 30_000_000, "allocations": 9}
    digests = [
        digest("cprofile", "train", "naive", **functions(3.0, 2.0, 1.0)),
        digest("cprofile", "train", "naive", **{**functions(5.0, 1.0), "workload": "stories-5MB"}),
        digest("scalene", "count", "finditer", **functions(1.0)),
        digest("speedscope", "encode", "cached", **functions(1.0), stacks=[
            {"stack": ["main", "run", *stack], "seconds": seconds}
            for stack, seconds in (
                (["encode", "merge"], 3.0), (["encode"], 1.0), (["encode", "split"], 0.75), (["end"], 0.25)
            )
        ]),
        digest("memray", "count", "findall", sites=[site], peak_bytes=60_000_000),
        digest("rss", "count", "process_pool", memory=[[0, 10**7, 0], [0.5, 2 * 10**7, 10**7], [1, 10**7, 0]],
               peak_bytes=3 * 10**7),
        digest("counters", "encode", "jit", counters={}, phases={"pretokens looked up": 12345}),
        digest("cachegrind", "encode", "jit", call=counts(9e6), compiled=counts(7e6), **WORK),
        digest("cachegrind", "train", "incremental", call=counts(8e7), compiled=counts(7.0), **MERGES),
        digest("hardware", "count", "jit", call={"instructions": 8_000_001}, **WORK),
        digest("torch", "gpt2-step", "fused", **operators(3.0, 1.0), tensor_bytes=tensor_bytes(predicted=0.9)),
    ]  # fmt: skip
    failures = [{"tool": "scalene", "stage": "train", "impl": "jit", "workload": "w", "error": "scalene: it crashed"}]
    skipped = [{"tool": "hardware", "reason": "it is not there"}, {"tool": "torch", "reason": "nor is that"}]
    return {**head("profiles"), "digests": digests, "failures": failures, "skipped": skipped}


def counts(instructions: float) -> dict[str, Any]:
    names = ("instructions", "branches", "mispredicted", "d1_misses", "ll_misses")
    return {name: int(instructions / 7**place) for place, name in enumerate(names)}


def operators(*own: float) -> dict[str, Any]:
    rows = [
        {"name": f"aten::o{place}", "file": "", "line": 0, "own": seconds, "cumulative": 2 * seconds,
         "calls": 1000 * (place + 1), "bytes": (-1) ** place * 7_000_000}
        for place, seconds in enumerate(own)
    ]  # fmt: skip
    return {"functions": rows, "own_total": 2.0 * sum(own)}


def tensor_bytes(predicted: float) -> dict[str, Any]:
    measured = {"parameters": 4_000_000, "gradients": 4_000_000, "optimizer": 8_000_000, "activations": 50_000_000}
    told = {kind: round(predicted * size) for kind, size in measured.items()}
    return {"steps": 4, "batch_size": 16, "block_size": 128, "predicted": told, "measured": measured}


def step_record() -> dict[str, Any]:
    sides = [("ours", 0.20, None), ("nanoGPT", 0.25, 1.0), ("ours, reference", 0.5, None)]
    run = {
        "model": "4 layers x 128", "batch": 8, "block": 256, "precision": "fp32", "compiled": False,
        "parameters": 1_882_752, "ids_sha256": SHA,
    }  # fmt: skip

    def timed(kind: str, *rows: tuple[str, float, float | None]) -> dict[str, Any]:
        return {**run, "gelu": kind, "sides": [
            {"name": name, "loss": 9.0109, "bar": bar, "samples": samples(around, 25, len(kind))}
            for name, around, bar in rows
        ]}  # fmt: skip

    return {
        **head("step"), "code": {"lm.models": module_digest("lm.models")}, "versions": {"torch": "2.13.0"},
        "device": "cpu", "threads": 2,
        "models": [timed("exact GELU", *sides), timed("tanh GELU", sides[0], ("transformers 5.23.0", 0.21, 1.2))],
        "operations": [
            {"name": name, "samples": {"fused": samples(around, 25), "reference": samples(3 * around, 25)}}
            for name, around in (("linear", 0.002), ("attention", 0.0003))
        ],
    }  # fmt: skip


def peers_record() -> dict[str, Any]:
    values = [3.0, 4.0, 5.0]
    outcomes = [{"seconds": second, "peak_rss": 10**6} for second in (0.5, 0.6, 0.7)]
    sides = [{"name": "ours", "samples": outcomes}, {"name": "theirs", "samples": outcomes}]
    row = {
        "work": "train: theirs", "bar": 3, "at_least": True, "unit": "x", "metric": "seconds",
        "sides": ["ours", "theirs"], "values": values, "verdict": "reached",
    }  # fmt: skip
    return {
        **head("peers"), "corpus": {"name": "stories", "bytes": 64_000_000, "sha256": SHA}, "vocab_size": 32_000,
        "measurements": [
            {"id": "P.1", "error": "", "sides": sides, "rows": [row]},
            {"id": "P.2", "error": "outputs differ", "sides": [], "rows": []},
        ],
    }  # fmt: skip


def faults_record() -> dict[str, Any]:
    rows = [("kill", "train", 7, 2, 4, 1), ("kill", "encode a file", 5, 1, 3, 1), ("full disk", "train", 3, 1, 2, 0)]
    return {
        **head("faults"), "kills": 12, "seed": 3, "seconds": 95.0,
        "faults": [
            {"fault": fault, "work": work, "runs": runs, "before": before, "during": during, "after": after,
             "resumed": runs, "violations": []}
            for fault, work, runs, before, during, after in rows
        ],
        "skipped": [{"work": "lm train", "reason": "torch is not installed"}],
    }  # fmt: skip


def write(path: Path, content: dict[str, Any]) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(content))
    return path


def write_all(machine: Path) -> Path:
    """Write a record of each kind to a machine's folder; returns the record of the benchmarks."""
    name = f"0001_{COMMIT['id']}_20260101_000000.json"
    write(machine / "studies" / name, studies_record())
    write(machine / "profiles" / name, profiles_record())
    write(machine / "peers" / name, peers_record())
    write(machine / "step" / name, step_record())
    write(machine / "faults" / name, faults_record())
    return write(machine / "Linux" / name, benchmarks_record())
