"""The results of a trial, in lines for a terminal."""

from __future__ import annotations

from bench.table import aligned
from bench.trial.profile import side_by_side
from bench.trial.timing import Timed
from bench.trial.trial import Trial
from impls.registry import Impl


def told(name: str, asked: int) -> str:
    """Return a line that says that an implementation passed a part of the proof, and with how many questions."""
    return f"{name}: {asked:,} {'question' if asked == 1 else 'questions'}, all answered as the oracle does"


def seconds(value: float) -> str:
    """Return a time with three digits and its unit; a dash for none."""
    if not value:
        return "-"
    for unit, size in (("s", 1.0), ("ms", 1e-3)):
        if value >= size:
            return f"{value / size:.3g} {unit}"
    return f"{value / 1e-6:.3g} µs"


def speed(ratio: float) -> str:
    """Return how many times as fast the candidate is; `ratio`: its time divided by the time of the other."""
    return f"{1 / ratio:.3f}x" if 0.5 < ratio < 2 else f"{1 / ratio:.3g}x"


def timing_lines(trial: Trial, timed: Timed) -> list[str]:
    """Return the verdict of a comparison with another implementation, with the times, the interval and the floor."""
    name, other, ratio = trial.candidate.name, timed.other.name, timed.comparison.ratio
    return [
        f"beside {other}, {trial.role(timed.other)}: {timed.comparison.verdict}",
        f"  {name} {seconds(timed.seconds)}, {other} {seconds(timed.other_seconds)} per call: "
        f"{speed(ratio.median)} as fast ({speed(ratio.high)} to {speed(ratio.low)})",
        f"  {other} beside itself differs by up to {100 * (timed.comparison.floor - 1):.1f} %",
    ]


def profile_lines(trial: Trial, other: Impl) -> list[str]:
    """Return lines with the functions that have the most own time, in the candidate and in another implementation."""
    rows = side_by_side(trial.candidate, other, trial.inputs)
    head = ["own time per call, under the profiler", trial.candidate.name, other.name]
    lines = aligned(head, [[row.name, seconds(row.seconds), seconds(row.other_seconds)] for row in rows])
    if trial.candidate.compiled:
        lines.append("Compiled code is one call here. What happens inside it:")
        lines.append(
            f"python -m profiles run --tool counters --stage {trial.candidate.stage} --impl {trial.candidate.name}"
        )
    return lines
