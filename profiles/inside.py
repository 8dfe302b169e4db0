"""The profiled process: prepares a target, runs it under a tool, and reports how long that took.

    python profiles/inside.py '{"stage": ..., "impl": ..., "workload": ..., "tool": ..., "raw": ..., "repeats": ...}'

Only the work is profiled, not the preparation. The last line on standard output is the report, as JSON.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from pathlib import Path
from time import perf_counter
from typing import Any

WORKERS = 1
"""Samplers see one thread best; a pool of processes gets two, since it would else not be one."""


@contextmanager
def _deterministic(raw: str) -> Iterator[None]:
    import cProfile

    profiler = cProfile.Profile()
    profiler.enable()
    try:
        yield
    finally:
        profiler.disable()
        profiler.dump_stats(raw)


@contextmanager
def _stacks(raw: str) -> Iterator[None]:
    from profiles.stacks import StackSampler

    with StackSampler() as sampler:
        yield
    Path(raw).write_text(json.dumps(sampler.speedscope(Path(raw).stem)))


def _allocations(raw: str) -> AbstractContextManager[Any]:
    import memray

    Path(raw).unlink(missing_ok=True)
    return memray.Tracker(raw)


@contextmanager
def _lines(raw: str) -> Iterator[None]:
    del raw  # Scalene, which runs this process, writes it.
    from scalene import scalene_profiler

    scalene_profiler.start()
    try:
        yield
    finally:
        scalene_profiler.stop()


def operators_file(raw: str | Path) -> Path:
    """Return where the sums over operators stand, beside a trace."""
    return Path(raw).with_suffix(".operators.json")


@contextmanager
def _operators(raw: str) -> Iterator[None]:
    from torch.profiler import ProfilerActivity, profile

    with profile(activities=[ProfilerActivity.CPU], profile_memory=True) as profiler:
        yield
    profiler.export_chrome_trace(raw)
    rows = [
        {
            "name": row.key,
            "own": row.self_cpu_time_total / 1e6,
            "cumulative": row.cpu_time_total / 1e6,
            "calls": row.count,
            "bytes": row.self_cpu_memory_usage,
        }
        for row in profiler.key_averages()
    ]
    operators_file(raw).write_text(json.dumps(rows))


@contextmanager
def _watched(raw: str) -> Iterator[None]:
    """Let the parent know when the work begins; it samples this process from outside."""
    del raw
    print("ready", flush=True)
    sys.stdin.readline()
    yield


CONTEXTS: dict[str, Callable[[str], AbstractContextManager[Any]]] = {
    "plain": lambda _: nullcontext(),
    "cprofile": _deterministic,
    "counters": _deterministic,
    "speedscope": _stacks,
    "memray": _allocations,
    "scalene": _lines,
    "rss": _watched,
    "torch": _operators,
}


def run(order: dict[str, Any]) -> dict[str, Any]:
    """Prepare, run under the tool, report."""
    from profiles.targets import TARGETS, find_workload

    # Scalene has started by now and found no PyTorch, see `without_torch`; a target may need it.
    if sys.modules.get("torch", sys) is None:
        del sys.modules["torch"]
    workload = find_workload(order["workload"], order.get("bytes"))
    target = TARGETS[order["stage"]]
    workers = 2 if order["impl"] == "process_pool" else WORKERS

    def prepare() -> Callable[[], Any]:
        return target.prepare(order["impl"], workload, workers)

    if target.loads(order["impl"]):
        prepare()()
    works = [prepare() for _ in range(order["repeats"])]
    with CONTEXTS[order["tool"]](order["raw"]):
        started = perf_counter()
        for work in works:
            work()
        seconds = perf_counter() - started
    facts = {}
    if order["tool"] == "torch" and target.tensor_bytes:
        facts["tensor_bytes"] = target.tensor_bytes(order["impl"], workload)
    return {"seconds": seconds, "repeats": order["repeats"], "workers": workers, "facts": facts}


if __name__ == "__main__":
    # As a script, this folder stands first in the path, where none of its names may hide others.
    sys.path[0] = str(Path(__file__).parent.parent)
    print("\n" + json.dumps(run(json.loads(sys.argv[1]))), flush=True)
