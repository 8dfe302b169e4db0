"""The process that runs a task: it takes an order and prints a report, as `bench.child` describes."""

from __future__ import annotations

import os
import sys
from time import monotonic
from typing import Any

from bench.child import answer, peak_rss
from bench.peers.tasks import load


def run(order: dict[str, Any]) -> dict[str, Any]:
    """Carry out the task that `runner.run_side` orders, and return the report."""
    if order["cpus"]:
        os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[: order["cpus"]])
    task, arguments = load(order["task"]), order["arguments"]
    if order["warm"] is not None:
        task.prepare(**{**arguments, **order["warm"]})()
    outputs: list[Any] = []
    seconds: list[float] = []
    for _ in range(order["repeats"]):
        outputs.clear()
        work = task.prepare(**arguments)
        started = order["spawned"] if order["warm"] is None else monotonic()
        outputs.append(work())
        seconds.append(monotonic() - started)
        del work
    peak = peak_rss()
    middle = sorted(seconds)[len(seconds) // 2]
    facts = task.facts(outputs[0], middle)
    reported = facts._asdict()
    reported["seconds"] = middle if facts.seconds is None else facts.seconds
    return {**reported, "samples": seconds, "peak_rss": peak}


if __name__ == "__main__":
    sys.exit(answer(run))
