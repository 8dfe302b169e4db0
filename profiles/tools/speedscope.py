"""A sampler of call stacks, as speedscope files (https://www.speedscope.app/file-format-schema.json)."""

from __future__ import annotations

import json
import sys
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Event, Thread, main_thread
from time import perf_counter
from types import FrameType
from typing import Any

from bench.calls import short_path
from impls import MergelabError
from impls.registry import STAGES, implementations
from profiles.targets import SMALL, Subject
from profiles.tools.rows import Row, ranked
from profiles.tools.tool import Tool

SCHEMA = "https://www.speedscope.app/file-format-schema.json"

INTERVAL = 0.002
"""Seconds between two samples."""

MOST_STACKS = 60
"""The number of stacks in a digest: enough for a drawing, and only a few kilobytes."""

Place = tuple[str, str, int]
"""Function, file, first line."""


def suite() -> Iterator[Subject]:
    """Yield every implementation in pure Python: the stacks of a ladder, step by step."""
    for row in (row for stage in STAGES for row in implementations(stage)):
        if not row.compiled:
            yield Subject(row.stage, row.name, SMALL)


def stack_of(frame: FrameType | None) -> tuple[Place, ...]:
    """Return the stack of a frame: the place of each call, outermost call first."""
    places: list[Place] = []
    while frame:
        code = frame.f_code
        places.append((code.co_qualname, code.co_filename, code.co_firstlineno))
        frame = frame.f_back
    return tuple(reversed(places))


class StackSampler:
    """Samples the main thread from another thread while the block runs. Time in compiled code counts for its caller.

    A sample is taken when the interpreter lets another thread run. So a long call of C code is one sample, with the
    time of the call as its weight.

    Attributes:
        samples: for each sample, its stack and the seconds since the previous sample.
    """

    def __init__(self, interval: float = INTERVAL) -> None:
        """Prepare to take a sample every `interval` seconds."""
        self.samples: list[tuple[tuple[Place, ...], float]] = []
        self._interval, self._done = interval, Event()

    def __enter__(self) -> StackSampler:
        """Start the thread that samples."""
        self._switch = sys.getswitchinterval()
        sys.setswitchinterval(self._interval / 4)
        self._thread = Thread(target=self._run, daemon=True)
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        """Stop the thread that samples."""
        self._done.set()
        self._thread.join()
        sys.setswitchinterval(self._switch)

    def _run(self) -> None:
        watched, before = main_thread().ident, perf_counter()
        while not self._done.wait(self._interval):
            now = perf_counter()
            self.samples.append((stack_of(sys._current_frames().get(watched or 0)), now - before))
            before = now

    def speedscope(self, name: str) -> dict[str, Any]:
        """Return a file with one sampled profile; weights are seconds."""
        places = {place: index for index, place in enumerate(dict.fromkeys(p for s, _ in self.samples for p in s))}
        return {
            "$schema": SCHEMA,
            "name": name,
            "exporter": "mergelab",
            "activeProfileIndex": 0,
            "shared": {"frames": [{"name": f, "file": file, "line": line} for f, file, line in places]},
            "profiles": [
                {
                    "type": "sampled",
                    "name": name,
                    "unit": "seconds",
                    "startValue": 0,
                    "endValue": sum(weight for _, weight in self.samples),
                    "samples": [[places[place] for place in stack] for stack, _ in self.samples],
                    "weights": [weight for _, weight in self.samples],
                }
            ],
        }


@contextmanager
def sampled(raw: Path) -> Iterator[None]:
    """Sample the stacks of the block."""
    with StackSampler() as sampler:
        yield
    raw.write_text(json.dumps(sampler.speedscope(raw.stem)))


def functions_of(file: dict[str, Any]) -> list[Row]:
    """Return own and cumulative seconds per function, from the first profile in a speedscope file."""
    own: Counter[int] = Counter()
    cumulative: Counter[int] = Counter()
    profile = file["profiles"][0]
    for stack, weight in zip(profile["samples"], profile["weights"], strict=True):
        if stack:
            own[stack[-1]] += weight
        for place in set(stack):
            cumulative[place] += weight
    frames = file["shared"]["frames"]
    return [
        {**frames[index], "own": own[index], "cumulative": cumulative[index], "calls": None} for index in cumulative
    ]


def stacks_of(file: dict[str, Any]) -> list[dict[str, Any]]:
    """Return the stacks with the most time, as names of functions, outermost first. Equal stacks are added up."""
    seconds: Counter[tuple[int, ...]] = Counter()
    profile, frames = file["profiles"][0], file["shared"]["frames"]
    for stack, weight in zip(profile["samples"], profile["weights"], strict=True):
        seconds[tuple(stack)] += weight
    return [
        {"stack": [frames[place]["name"] for place in stack], "seconds": time}
        for stack, time in seconds.most_common(MOST_STACKS)
    ]


def digest(raw: Path) -> dict[str, Any]:
    """Return the functions with the most time of their own, and the stacks with the most time.

    Raises:
        MergelabError: no sample was taken.
    """
    content = json.loads(raw.read_text())
    samples = len(content["profiles"][0]["samples"])
    if not samples:
        raise MergelabError("no sample was taken: the work is too short; take a larger workload")
    functions = [{**row, "file": short_path(row["file"])} for row in functions_of(content)]
    total = sum(row["own"] for row in functions)
    return {"functions": ranked(functions), "own_total": total, "samples": samples, "stacks": stacks_of(content)}


TOOL = Tool(
    "speedscope",
    sees="stacks of Python functions over time",
    suffix=".speedscope.json",
    suite=suite,
    context=sampled,
    digest=digest,
)
