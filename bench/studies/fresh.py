"""Work in a process of its own, for what a warm process cannot tell: time from the start, and peak memory.

The process is `python -m bench.studies.jobs JSON`; this side starts it and reads what it reports.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from time import monotonic
from typing import Any

from bench.studies.study import Check, Measured, OutputError, Scale

ROOT = Path(__file__).parent.parent.parent


def run_job(job: dict[str, Any], *, empty_cache: bool = False) -> dict[str, Any]:
    """Carry out a job of `bench.studies.jobs` in a new process and return its report.

    Raises:
        OutputError: it failed; the message has its last line.
    """
    with tempfile.TemporaryDirectory(prefix="mergelab-") as empty:
        environment = {**os.environ, **({"MERGELAB_CACHE": empty} if empty_cache else {})}
        order = {**job, "spawned": monotonic()}
        command = [sys.executable, "-m", "bench.studies.jobs", json.dumps(order)]
        done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
    if done.returncode:
        lines = done.stderr.strip().splitlines() or [f"ended with status {done.returncode}"]
        raise OutputError(f"{job['job']} in a process of its own: {lines[-1]}")
    report: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return report


def measure_start(job: dict[str, Any], state: str, rounds: int, check: Check, scale: Scale) -> Measured:
    """Measure how long a process takes to its first result; for "warm process", how long the second takes.

    The fact `first_call_seconds` holds what the first call took, imports of Python's own modules left out.
    """
    del scale
    if state == "full cache":
        run_job(job)
    reports = [run_job(job, empty_cache=state == "empty cache") for _ in range(rounds)]
    for report in reports:
        check(report["digest"])
    name = "second_call_seconds" if state == "warm process" else "ready_seconds"
    facts = {key: [report[key] for report in reports] for key in ("first_call_seconds", "second_call_seconds")}
    return Measured([report[name] for report in reports], facts)


def measure_peak(job: dict[str, Any], check: Check, scale: Scale) -> Measured:
    """Measure the peak of resident memory, children included, in bytes."""
    del scale
    report = run_job(job)
    check(report.pop("digest"))
    return Measured([report.pop("peak_bytes")], report)


def measure_seconds(job: dict[str, Any], check: Check, scale: Scale) -> Measured:
    """Measure how long a job takes once its code is loaded; memory and the rest are facts."""
    reports = [run_job(job) for _ in range(scale.min_rounds)]
    for report in reports:
        check(report["digest"])
    return Measured([report["seconds"] for report in reports], reports[-1])
