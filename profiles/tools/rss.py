"""Resident memory over time, sampled from outside, children included."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from threading import Timer
from time import perf_counter
from typing import Any

from bench.child import ROOT, last_line
from bench.memory import Sampler
from impls import MergelabError
from profiles.targets import LARGE, TARGETS, Subject
from profiles.tools.tool import TIMEOUT, Tool

POINTS = 200
"""Points of memory over time that a digest keeps."""


def suite() -> Iterator[Subject]:
    """Yield all counters on the large workload.

    A training step would show nothing: the process keeps the memory that the first step took.
    """
    yield from (Subject("count", impl, LARGE) for impl in TARGETS["count"].impls)


@contextmanager
def announced(raw: Path) -> Iterator[None]:
    """Tell the watching process that the work begins, and wait until it takes samples."""
    del raw
    print("ready", flush=True)
    sys.stdin.readline()
    yield


def watch(command: Sequence[str], environment: Mapping[str, str], raw: Path) -> str:
    """Run the profiled process, sample its memory during the work, write the samples, and return its standard output.

    Raises:
        MergelabError: the process failed or hangs.
    """
    pipe = subprocess.PIPE
    with subprocess.Popen(
        command, cwd=ROOT, env={**os.environ, **environment}, text=True, stdin=pipe, stdout=pipe, stderr=pipe
    ) as process:
        late, started = Timer(TIMEOUT, process.kill), perf_counter()
        late.start()
        try:
            output, errors = _sampled(process, raw)
        finally:
            late.cancel()
            process.kill()
    if process.returncode and perf_counter() - started > TIMEOUT:
        raise MergelabError(f"the process did not end within {TIMEOUT:g} s; take a smaller workload")
    if process.returncode:
        raise MergelabError(
            last_line(errors) or f"the process ended with status {process.returncode}; run it by itself"
        )
    return output


def _sampled(process: subprocess.Popen[str], raw: Path) -> tuple[str, str]:
    """Sample the memory of a process until its end; return its standard output and standard error."""
    assert process.stdout
    if process.stdout.readline() != "ready\n":  # The process failed before the work began.
        return process.communicate()
    with Sampler(process.pid) as sampler:
        printed = process.communicate("go\n")
    raw.write_text(json.dumps([sample for sample in sampler.samples if sample[1]]))
    return printed


def digest(raw: Path) -> dict[str, Any]:
    """Return the peak in bytes, and points over time: seconds, bytes of the process, bytes of its children."""
    samples = json.loads(raw.read_text())
    # Each point is the largest of several neighbouring samples, so that the digest stays short.
    step = -(-len(samples) // POINTS)
    groups = (samples[start : start + step] for start in range(0, len(samples), step))
    return {"memory": [max(group, key=_both) for group in groups], "peak_bytes": max(map(_both, samples))}


def _both(sample: tuple[float, int, int]) -> int:
    return sample[1] + sample[2]


TOOL = Tool(
    "rss",
    sees="resident memory over time, children included",
    suffix=".json",
    repeats=1,
    suite=suite,
    start=watch,
    context=announced,
    digest=digest,
)
