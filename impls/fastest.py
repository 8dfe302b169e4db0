"""Which implementation `impl="auto"` takes, and why: the one that is expected to finish first on this machine.

The expected time is computed from measurements. `nox -s bench` writes measurements of this machine to a file. If
there is no such file, default times that come with the project are used. The time of a compiled implementation
includes loading its code, or compiling it if no code is cached.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from functools import cache
from math import exp, log
from typing import Any, NamedTuple

import numpy as np

from impls.cache import measurements_path
from impls.contract import Pretokens
from impls.kernels.compiler import CodeState
from impls.machine import machine_name
from impls.registry import STAGES, Impl, find, implementations, load, most_advanced

PURE_PYTHON_STEPS = 1 << 24
"""If training may rewrite more symbols than this, compiled code is used: a pretoken of n bytes is rewritten up to n
times."""

Points = Sequence[Sequence[float]]
"""A list of [size of the text in bytes, median time in seconds], sorted by size."""


class Measurements(NamedTuple):
    """How long implementations take.

    Attributes:
        source: where the times come from, in words.
        stages: a dict: stage -> implementation -> list of [size of the text in bytes, median time in seconds].
        start: a dict: state of compiled code -> seconds until this code runs.
    """

    source: str
    stages: Mapping[str, Mapping[str, Points]]
    start: Mapping[CodeState, float]


DEFAULTS = Measurements(
    "defaults that come with the project",
    {
        "count": {"finditer": [(1e5, 0.017), (5e6, 1.0)], "jit": [(1e5, 0.0005), (5e6, 0.012)]},
        "train": {"incremental": [(1e5, 0.019), (5e6, 0.7)], "jit": [(1e5, 0.0008), (5e6, 0.01)]},
        "encode": {"cached": [(1e5, 0.03), (5e6, 1.1)], "jit": [(1e5, 0.001), (5e6, 0.02)]},
    },
    {"loaded": 0.0, "cached": 0.1, "absent": 4.0},
)


class Choice(NamedTuple):
    """An implementation, and the reason to take it."""

    impl: Impl
    reason: str


@cache
def measurements() -> Measurements:
    """Return the measurements of this machine, or the defaults if no measurements can be read."""
    try:
        stored = json.loads(measurements_path().read_text())
        if stored["machine"] != machine_name():
            return DEFAULTS
        stages = {stage: _points(stage, rows) for stage, rows in stored["stages"].items()}
        start = stored["start"]
        times: dict[CodeState, float] = {
            "loaded": 0.0,
            "cached": float(start["cached_seconds"]),
            "absent": float(start["compile_seconds"]) / len(STAGES),
        }
        source = f"measured on this machine: {stored['source']}"
        return Measurements(source, {stage: stages[stage] for stage in STAGES}, times)
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return DEFAULTS


def _points(stage: str, rows: Mapping[str, Points]) -> dict[str, Points]:
    """Return the measurements of a stage, sorted by size.

    Raises:
        ValueError: a size or a time is not a positive number, or no implementation in pure Python was measured.
    """
    points: dict[str, Points] = {
        name: sorted((float(size), float(seconds)) for size, seconds in times) for name, times in rows.items()
    }
    if min(min(map(min, times)) for times in points.values()) <= 0 or all(
        find(stage, name).compiled for name in points
    ):
        raise ValueError(stage)
    return points


def expected_seconds(points: Points, n_bytes: int) -> float:
    """Return the expected time for a text of `n_bytes`, in seconds.

    Between two measured sizes, log(time) is interpolated as a straight line over log(size). Below the smallest and
    above the largest measured size, the time is proportional to the size.
    """
    size = max(n_bytes, 1)
    if size <= points[0][0] or len(points) == 1:
        return points[0][1] * size / points[0][0]
    if size >= points[-1][0]:
        return points[-1][1] * size / points[-1][0]
    after = next(index for index, point in enumerate(points) if point[0] >= size)
    (left, low), (right, high) = points[after - 1], points[after]
    share = (log(size) - log(left)) / (log(right) - log(left))
    return exp(log(low) + share * (log(high) - log(low)))


def code_state(impl: Impl, pattern: str) -> CodeState:
    """Return the state of the code that a compiled implementation needs for texts split by `pattern`."""
    kernel: Any = load(impl.kernel)
    if isinstance(kernel, dict):
        if pattern not in kernel:
            return "loaded"  # For this pattern, the implementation runs code that needs no compiler.
        kernel = kernel[pattern]
    state: CodeState = kernel.state()
    return state


def choose(stage: str, n_bytes: int, pattern: str = "gpt2") -> Choice:
    """Return the implementation to use for `n_bytes` of text, with the reason.

    Raises:
        UsageError: no such stage.
    """
    implementations(stage)
    known = measurements()
    expected: list[tuple[float, str, str]] = []
    for name, points in known.stages[stage].items():
        seconds, impl = expected_seconds(points, n_bytes), find(stage, name)
        if not impl.compiled:
            expected.append((seconds, name, f"{name} {seconds:.3g} s"))
        elif (state := code_state(impl, pattern)) in known.start:
            start = known.start[state]
            told = f"{name} {start + seconds:.3g} s ({start:.3g} s to start, code {state})"
            expected.append((start + seconds, name, told))
    expected.sort()
    _, name, first = expected[0]
    others = "; ".join(text for *_, text in expected[1:3]) or "nothing else"
    return Choice(find(stage, name), f"{first}, then {others}; {known.source}")


def pick(stage: str, n_bytes: int, pattern: str = "gpt2") -> Impl:
    """Return the implementation to use for `n_bytes` of text. See `choose`."""
    return choose(stage, n_bytes, pattern).impl


def pick_trainer(pretokens: Pretokens, n_bytes: int) -> Impl:
    """Return the trainer to use for the pretokens of `n_bytes` of text.

    Long pretokens always get compiled code, since the time of pure Python grows with the square of their length.
    """
    steps = int((np.diff(pretokens.offsets).astype(np.float64) ** 2).sum())
    return most_advanced("train", compiled=True) if steps > PURE_PYTHON_STEPS else pick("train", n_bytes)
