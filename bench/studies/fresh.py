"""Points that are measured in a new process: the time from the start of the process, and its peak memory.

The new process is `python -m bench.studies.jobs`; this module starts it and reads its report.
"""

from __future__ import annotations

from typing import Any

from bench import child
from bench.studies.study import Check, Measured, OutputError, Scale
from impls.errors import MergelabError


def run_job(job: dict[str, Any], *, empty_cache: bool = False) -> dict[str, Any]:
    """Carry out a job of `bench.studies.jobs` in a new process and return its report.

    Raises:
        OutputError: the job failed; the message names the job.
    """
    try:
        return child.order("bench.studies.jobs", job, empty_cache=empty_cache)
    except MergelabError as error:
        raise OutputError(f"{job['job']} in a process of its own: {error}") from None


def measure_start(job: dict[str, Any], state: str, rounds: int, check: Check, scale: Scale) -> Measured:
    """Measure the seconds until a new process has its first result; for "warm process", the seconds of a second call.

    The fact `first_call_seconds` is the time of the first call alone, without the start of Python.
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
    """Measure the peak of resident memory in bytes, child processes included."""
    del scale
    report = run_job(job)
    check(report.pop("digest"))
    return Measured([report.pop("peak_bytes")], report)


def measure_seconds(job: dict[str, Any], check: Check, scale: Scale) -> Measured:
    """Measure how many seconds a job takes once its code is loaded.

    Memory and the other values that the job reports are stored in `facts`.
    """
    reports = [run_job(job) for _ in range(scale.min_rounds)]
    for report in reports:
        check(report["digest"])
    return Measured([report["seconds"] for report in reports], reports[-1])
