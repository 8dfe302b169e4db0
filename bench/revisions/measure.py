"""Launches of base and head: outputs are compared first, then a pilot plans the turns, then the launches count."""

from __future__ import annotations

import math
import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from bench.cases import Case
from bench.inputs import shorter
from bench.revisions.inputs import InputFiles
from bench.revisions.process import CaseError, Launch
from bench.turns import CALL_SECONDS, UNSEEN, Budget, Comparison, Plan, compared, plan_for, take_turns, verdict
from impls.inputs.text import RANGE_BYTES

LAUNCHES = 12
"""Batches of a comparison: few, since starting processes takes time. One bad launch on each side does no harm."""

TURNS = 6
"""A block has six turns: A B C C B A."""

Launcher = Callable[[int], AbstractContextManager[Launch]]
"""Starts the processes of a launch, which is given by its number."""


@dataclass(frozen=True)
class Trial:
    """A case to be measured.

    Attributes:
        case: implementation and workload.
        changed: whether its code differs between base and head.
    """

    case: Case
    changed: bool


@dataclass(frozen=True)
class Result:
    """A case that was measured.

    Attributes:
        trial: the case.
        comparison: the ratio of head to base, with the floor of head against its twin.
        floor: the floor of the comparison, or farther, where unchanged code was seen to differ by more.
    """

    trial: Trial
    comparison: Comparison
    floor: float

    @property
    def verdict(self) -> str:
        """What can be said of head."""
        return verdict(self.comparison.ratio, self.floor)

    def fails(self, percent: float) -> bool:
        """Tell whether changed code is slower, with its whole interval beyond the floor and beyond `percent`."""
        return self.trial.changed and self.comparison.ratio.low > max(self.floor, 1 + percent / 100)


@dataclass(frozen=True)
class Measured:
    """What a comparison of revisions found.

    Attributes:
        results: of the cases that were timed.
        left_out: a line for each case that was not timed.
        wrong: a line for each case that was not timed since head fails or its output differs from the output of base.
    """

    results: list[Result]
    left_out: list[str]
    wrong: list[str]


@dataclass
class _Planned:
    """A case with its plan, and the turns of its launches: seconds of base, head and twin."""

    trial: Trial
    plan: Plan
    seconds: list[NDArray[np.float64]]

    def take(self, launch: Launch, number: int) -> None:
        """Take the turns of a launch."""
        self.seconds.append(take_turns(launch.sides(str(self.trial.case)), self.plan, number))

    def compared(self) -> Comparison:
        """Return what all launches say."""
        seconds = np.concatenate(self.seconds)
        return compared(seconds[:, :2], seconds[:, 1:], LAUNCHES)


def measure(
    trials: Sequence[Trial],
    launcher: Launcher,
    files: InputFiles,
    seconds: float,
    say: Callable[[str], None],
    whole: bool = False,
) -> Measured:
    """Compare head with base.

    Args:
        trials: the cases; base and head have them.
        launcher: starts the processes of a launch.
        files: the files of the inputs.
        seconds: for all turns together; starting and preparing comes on top.
        say: called with a line about each piece of work that begins.
        whole: take the whole text of each workload, however long a call takes.

    Raises:
        MergelabError: a process ended by itself.
    """
    found = Measured([], [], [])
    say(f"pilot: {len(trials)} cases")
    with launcher(0) as launch:
        planned = list(_pilot(trials, launch, files, seconds / max(len(trials), 1), found, whole))
    for number in range(LAUNCHES if planned else 0):
        say(f"launch {number + 1} of {LAUNCHES}")
        with launcher(number) as launch:
            for one in planned:
                prepare(one.trial.case, launch, files)
                one.take(launch, number)
    found.results.extend(with_control([(one.trial, one.compared()) for one in planned]))
    return found


def _pilot(
    trials: Sequence[Trial], launch: Launch, files: InputFiles, share: float, found: Measured, whole: bool
) -> Iterator[_Planned]:
    """Yield the cases whose outputs are equal and which fit into their share of the time, in seconds."""
    for given in trials:
        try:
            trial, call = fitted(given, launch, files, whole)
            needed = TURNS * LAUNCHES * call
            if needed <= share:
                yield _Planned(trial, plan_for(launch.sides(str(trial.case)), Budget(share), TURNS, LAUNCHES), [])
            else:
                found.left_out.append(f"{given.case}: not timed; {too_long(needed, share)}")
        except CaseError as error:
            (found.left_out if error.side == "base" else found.wrong).append(f"{given.case}: not timed; {error}")


def fitted(trial: Trial, launch: Launch, files: InputFiles, whole: bool) -> tuple[Trial, float]:
    """Prepare a case on its whole text, then on shorter beginnings until a call is short enough.

    Returns:
        The case with the text that is timed, and the seconds of a call.
    """
    seconds = prepare(trial.case, launch, files)
    while seconds > CALL_SECONDS and not whole and (cut := shorter(trial.case.workload)):
        trial = replace(trial, case=replace(trial.case, workload=cut))
        seconds = prepare(trial.case, launch, files)
    return trial, seconds


def cores_of(case: Case, number: int) -> list[int]:
    """Return the cores for the three processes of a launch: one and the same, unless several threads share the work.

    Cores differ in speed by some percent, and their neighbours do even more.
    """
    cores = sorted(os.sched_getaffinity(0))
    shared = case.impl.parallel and case.workload.bytes > RANGE_BYTES
    return cores if shared else [cores[number % len(cores)]]


def too_long(needed: float, share: float) -> str:
    """Say that the fewest turns of a case take longer than its share of the time, both in seconds."""
    alone = f"choose it alone with --only, --workload and --seconds {math.ceil(2 * needed)}"
    return f"its turns need {needed:.1f} s, its share of the time is {share:.1f} s; {alone}"


def prepare(case: Case, launch: Launch, files: InputFiles) -> float:
    """Let all three processes prepare a case, and compare their outputs; returns the seconds of a call.

    Raises:
        CaseError: the case fails in one of them, or the outputs differ.
    """
    base, *heads = launch.ask_all(**files.order(case), cores=cores_of(case, launch.number))
    for head in heads:
        if head["output"] != base["output"]:
            raise CaseError("head", f"its output {head['output'][:12]} differs from base's {base['output'][:12]}")
    return float(heads[0]["seconds"])


def with_control(found: Sequence[tuple[Trial, Comparison]]) -> list[Result]:
    """Return the results. A difference that is seen between equal code moves the floors of changed code."""
    control = [one.ratio.median for trial, one in found if not trial.changed and one.verdict != UNSEEN]
    farthest = max((max(median, 1 / median) for median in control), default=1.0)
    return [Result(trial, one, max(one.floor, farthest) if trial.changed else one.floor) for trial, one in found]
