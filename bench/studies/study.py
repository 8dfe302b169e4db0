"""Runs a study: each point is verified, then timed. A point that would take too long is left out."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from statistics import median
from time import perf_counter
from typing import Any

from bench.places import as_line
from impls import MergelabError


@dataclass(frozen=True)
class Scale:
    """How large the texts of a run may be, and how long its calls may take.

    Attributes:
        name: "quick" or "long".
        largest: size of the largest text in bytes.
        seconds_per_call: a point is left out if one call is expected to take longer.
        seconds_per_point: how many seconds the rounds of a point may take, within the two bounds below.
        min_rounds: the fewest rounds.
        max_rounds: the most rounds.
    """

    name: str
    largest: int
    seconds_per_call: float
    seconds_per_point: float
    min_rounds: int = 3
    max_rounds: int = 15

    def rounds(self, seconds: float) -> int:
        """Return how many rounds to time if one call takes `seconds`."""
        fit = int(self.seconds_per_point / max(seconds, 1e-9))
        return min(max(fit, self.min_rounds), self.max_rounds)


SCALES = {
    "quick": Scale("quick", 10_000_000, 0.8, 0.25),
    "long": Scale("long", 1_000_000_000, 60.0, 2.0, max_rounds=25),
}


class OutputError(MergelabError):
    """An output is wrong, so its time is not measured."""


@dataclass
class Measured:
    """The result of a point: all samples, in the unit of the study, and facts about them."""

    samples: list[float]
    facts: dict[str, Any] = field(default_factory=dict)


Check = Callable[[str], None]
"""Takes the digest of an output before anything is timed; raises OutputError."""


Measure = Callable[[Check, Scale], Measured]


@dataclass(frozen=True)
class Point:
    """One series at one value of the varied quantity.

    Attributes:
        series: "stage/implementation", or another name of the compared thing.
        x: the value of the varied quantity: a number, or a name if the values have no order.
        group: points of the same group must have equal outputs; empty if there is no other output to compare with.
        measure: measures the point; called with the check of the output, and the scale.
        facts: facts that are known before the measurement.
    """

    series: str
    x: float | str
    group: str
    measure: Measure
    facts: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Study:
    """A question, and the points that answer it.

    Attributes:
        title: the title of the study's section in a report.
        question: the question, in one sentence.
        x: the name of the varied quantity.
        x_unit: the unit of x: "bytes", another noun in the plural, or empty if x is a name.
        unit: the unit of the samples: "s", "bytes" or "bytes per token".
        points: yields the points, in the order of x; called with a folder for texts, and the scale.
        grows: whether time grows with x; then the time of a point is predicted from smaller x.
    """

    title: str
    question: str
    x: str
    x_unit: str
    unit: str
    points: Callable[[Path, Scale], Iterable[Point]]
    grows: bool = False


def timed(new: Callable[[], Callable[[], Any]], digest: Callable[[Any], str], *, loads: bool) -> Measure:
    """Return the measure of a point that is timed in this process.

    Args:
        new: prepares the work, which is not timed, and returns the call that is timed.
        digest: returns the digest of an output.
        loads: whether the first call loads code; then the number of rounds follows from the second call.
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
    """Predicts the time of a call, which is taken to grow as between the last two points, and at least linearly."""

    def __init__(self, limit: float) -> None:
        """Start without any point; `limit`: the seconds that a call may take."""
        self._limit = limit
        self._seen: dict[str, list[tuple[float, float]]] = {}

    def add(self, series: str, x: float, seconds: float) -> None:
        """Remember how long a call of a point took."""
        self._seen.setdefault(series, []).append((x, seconds))

    def reason_against(self, series: str, x: float) -> str:
        """Return why a point should be left out; empty if it should be measured."""
        seen = self._seen.get(series, [])
        if not seen or x <= seen[-1][0]:
            return ""
        (last, seconds), slope = seen[-1], 1.0
        if len(seen) > 1 and seen[-2][0] < last:
            slope = max(1.0, math.log(seconds / seen[-2][1]) / math.log(last / seen[-2][0]))
        expected = seconds * (x / last) ** slope
        if expected <= self._limit:
            return ""
        return f"about {expected:,.3g} s per call to expect, after {seconds:,.3g} s at {last:,.12g}"


def run_study(name: str, study: Study, folder: Path, scale: Scale, progress: Callable[[str], None]) -> dict[str, Any]:
    """Measure all points of a study; if a point fails, its error is recorded in place of its samples.

    Args:
        name: the name of the study, for `progress`.
        study: the study to measure.
        folder: the folder for the texts of the study; made if it does not exist.
        scale: how large the texts may be, and how long the calls may take.
        progress: called with a line about each point before it is measured.

    Returns:
        The part of a record about this study: title, question, x, x_unit, unit, points, left_out, errors,
            took_seconds.
    """
    folder.mkdir(parents=True, exist_ok=True)
    results: dict[str, list[dict[str, Any]]] = {"points": [], "left_out": [], "errors": []}
    outlook = Outlook(scale.seconds_per_call) if study.grows else None
    expected: dict[str, tuple[str, str]] = {}
    started = perf_counter()
    for point in study.points(folder, scale):
        progress(f"{name}: {point.series} at {point.x if isinstance(point.x, str) else f'{point.x:,.6g}'}")
        kind, found = _run_point(point, partial(_check, expected, point), scale, outlook)
        results[kind].append({"series": point.series, "x": point.x, **found})
    described = {field: getattr(study, field) for field in ("title", "question", "x", "x_unit", "unit")}
    return {**described, **results, "took_seconds": perf_counter() - started}


def _run_point(point: Point, check: Check, scale: Scale, outlook: Outlook | None) -> tuple[str, dict[str, Any]]:
    """Measure a point; return the list of the record that it belongs to, and its entry in that list."""
    if outlook and (reason := outlook.reason_against(point.series, float(point.x))):
        return "left_out", {"reason": reason}
    try:
        measured = point.measure(check, scale)
    except Exception as error:  # After any error of an implementation, the other points are measured.
        return "errors", {"error": as_line(f"{type(error).__name__}: {error}")}
    if outlook:
        outlook.add(point.series, float(point.x), median(measured.samples))
    return "points", {"samples": measured.samples, "facts": {**point.facts, **measured.facts}}


def _check(expected: dict[str, tuple[str, str]], point: Point, produced: str) -> None:
    """Compare an output with the first output of its group. `expected`: group -> first output, name of its series.

    Raises:
        OutputError: the two outputs differ.
    """
    if not point.group:
        return
    series, known = expected.setdefault(point.group, (point.series, produced))
    if known != produced:
        raise OutputError(
            f"the output has the digest {produced[:12]}, but the output of {series} has the digest {known[:12]}; "
            "repair the wrong one"
        )
