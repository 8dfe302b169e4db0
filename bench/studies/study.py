"""Runs a study: verify, then time, point by point; what would take too long is left out with the reason."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median
from time import perf_counter
from typing import Any

from impls import MergelabError


@dataclass(frozen=True)
class Scale:
    """How much a run may take.

    Attributes:
        name: "quick" or "long".
        largest: bytes of the largest text.
        seconds_a_call: what a single call may be expected to take.
        seconds_a_point: rounds are as many as fit in here, within the bounds below.
        min_rounds: at least so many.
        max_rounds: at most so many.
    """

    name: str
    largest: int
    seconds_a_call: float
    seconds_a_point: float
    min_rounds: int = 3
    max_rounds: int = 15

    def rounds(self, seconds: float) -> int:
        """Return how often to time what takes so long."""
        fit = int(self.seconds_a_point / max(seconds, 1e-9))
        return min(max(fit, self.min_rounds), self.max_rounds)


SCALES = {
    "quick": Scale("quick", 10_000_000, 0.8, 0.25),
    "long": Scale("long", 1_000_000_000, 60.0, 2.0, max_rounds=25),
}


class OutputError(MergelabError):
    """An output is not what it must be; there is no time."""


@dataclass
class Measured:
    """What came out of a point: all samples, in the study's unit, and what belongs to them."""

    samples: list[float]
    facts: dict[str, Any] = field(default_factory=dict)


Check = Callable[[str], None]
"""Takes the digest of an output before anything is timed; raises OutputError."""


Measure = Callable[[Check, Scale], Measured]


@dataclass(frozen=True)
class Point:
    """One series at one place.

    Attributes:
        series: "stage/implementation", or another name of what is compared.
        x: the varied quantity, a number, or a name where there is no order.
        group: outputs of points of one group must be equal; empty where there is nothing to compare with.
        measure: called with the check of the output and the scale.
        facts: what is known before.
    """

    series: str
    x: float | str
    group: str
    measure: Measure
    facts: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Study:
    """A question and how it is answered.

    Attributes:
        title: of its section in a report.
        question: one sentence.
        x: what is varied.
        x_unit: of it: "bytes", another noun in the plural, or empty where x is a name.
        unit: of the samples: "s", "bytes" or "bytes per token".
        points: builds them, in the order of x, from a folder for texts and the scale.
        grows: whether time grows with x, so that the cost of a point can be foreseen.
    """

    title: str
    question: str
    x: str
    x_unit: str
    unit: str
    points: Callable[[Path, Scale], Iterable[Point]]
    grows: bool = False


def timed(new: Callable[[], Callable[[], Any]], digest: Callable[[Any], str], *, loads: bool) -> Measure:
    """Return how a point is measured in this process.

    Args:
        new: prepares, untimed; what it returns is timed.
        digest: of the output.
        loads: whether the first call loads code, so that it does not tell how long a call takes.
    """

    def once(work: Callable[[], Any]) -> float:
        started = perf_counter()
        work()
        return perf_counter() - started

    def measure(check: Check, scale: Scale) -> Measured:
        work = new()
        started = perf_counter()
        output = work()
        seconds = perf_counter() - started
        produced = digest(output)
        check(produced)
        if loads:
            seconds = once(new())
        facts = {"output_sha256": produced, "output_length": len(output) if hasattr(output, "__len__") else None}
        return Measured([once(new()) for _ in range(scale.rounds(seconds))], facts)

    return measure


class Outlook:
    """Foresees how long a call will take from the points before: growth as steep as seen, at least linear."""

    def __init__(self, limit: float) -> None:
        """Know nothing; `limit`: seconds a call."""
        self._limit = limit
        self._seen: dict[str, list[tuple[float, float]]] = {}

    def add(self, series: str, x: float, seconds: float) -> None:
        """Take note of a point."""
        self._seen.setdefault(series, []).append((x, seconds))

    def reason_against(self, series: str, x: float) -> str:
        """Return why a point is left out; empty if it is not."""
        seen = self._seen.get(series, [])
        if not seen or x <= seen[-1][0]:
            return ""
        (last, seconds), slope = seen[-1], 1.0
        if len(seen) > 1 and seen[-2][0] < last:
            slope = max(1.0, math.log(seconds / seen[-2][1]) / math.log(last / seen[-2][0]))
        expected = seconds * (x / last) ** slope
        if expected <= self._limit:
            return ""
        return f"about {expected:,.3g} s a call to expect, after {seconds:,.3g} s at {last:,.12g}"


def run_study(
    name: str, study: Study, folder: Path, scale: Scale, progress: Callable[[str], None]
) -> dict[str, Any]:
    """Measure all points of a study; an error ends a point and is recorded in its place.

    Args:
        name: of the study, for `progress`.
        study: what to measure.
        folder: for its texts; made if need be.
        scale: how much it may take.
        progress: hears what is being measured.
    """
    folder.mkdir(parents=True, exist_ok=True)
    points: list[dict[str, Any]] = []
    left_out: list[dict[str, Any]] = []
    errors: list[dict[str, Any]] = []
    expected: dict[str, tuple[str, str]] = {}
    started = perf_counter()
    outlook = Outlook(scale.seconds_a_call)
    for point in study.points(folder, scale):
        place = {"series": point.series, "x": point.x}
        progress(f"{name}: {point.series} at {point.x if isinstance(point.x, str) else f'{point.x:,.6g}'}")
        if study.grows and (reason := outlook.reason_against(point.series, float(point.x))):
            left_out.append({**place, "reason": reason})
            continue

        def check(produced: str, point: Point = point) -> None:
            known = expected.setdefault(point.group, (point.series, produced)) if point.group else ("", produced)
            if known[1] != produced:
                raise OutputError(f"output differs from that of {known[0]} ({produced[:12]}, not {known[1][:12]})")

        try:
            measured = point.measure(check, scale)
        except Exception as error:  # Whatever an implementation raises, the others are measured.
            errors.append({**place, "error": " ".join(f"{type(error).__name__}: {error}".split())})
            continue
        if study.grows:
            outlook.add(point.series, float(point.x), median(measured.samples))
        points.append({**place, "samples": measured.samples, "facts": {**point.facts, **measured.facts}})
    return {
        **{field: getattr(study, field) for field in ("title", "question", "x", "x_unit", "unit")},
        "points": points,
        "left_out": left_out,
        "errors": errors,
        "took_seconds": perf_counter() - started,
    }
