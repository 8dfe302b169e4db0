"""What a comparison of revisions prints."""

from __future__ import annotations

from bench.code import name_of
from bench.revisions.measure import LAUNCHES, Measured, Result
from bench.table import aligned
from bench.turns import UNSEEN

HEAD = ("case", "workload", "head / base", "99 % interval", "floor", "code", "verdict")


def table(found: Measured) -> list[str]:
    """Return the lines: a table, largest change first, what the control says, and what was not timed."""
    rows = sorted(found.results, key=lambda one: -max(one.comparison.ratio.median, 1 / one.comparison.ratio.median))
    lines = aligned(HEAD, list(map(cells, rows))) if rows else []
    return [*lines, *(legend(found.results) if rows else ["nothing was timed"]), *found.left_out, *found.wrong]


def cells(one: Result) -> list[str]:
    """Return the cells of a row."""
    case, ratio = one.trial.case, one.comparison.ratio
    return [
        name_of(case.impl),
        case.workload.name,
        f"{ratio.median:.3f}x",
        f"{ratio.low:.3f} .. {ratio.high:.3f}",
        f"{100 * (one.floor - 1):.1f} %",
        "changed" if one.trial.changed else "the same: control",
        one.verdict,
    ]


def legend(results: list[Result]) -> list[str]:
    """Say how the columns are meant, and what the control shows."""
    return [
        f"head / base: seconds of head per second of base, median of {LAUNCHES} launches of new processes in turns",
        "floor: how far head was from itself, measured in the same way",
        control(results),
    ]


def control(results: list[Result]) -> str:
    """Say what unchanged code shows."""
    same = [one for one in results if not one.trial.changed]
    moved = [one for one in same if one.verdict != UNSEEN]
    if not same:
        return "control: no case of unchanged code was measured"
    if not moved:
        return f"control: unchanged code shows no difference in {len(same)} of {len(same)} cases"
    return (
        f"control: unchanged code differs in {len(moved)} of {len(same)} cases, so something else than code differs; "
        "the floors of changed code are moved as far"
    )


def failure(one: Result, percent: float) -> str:
    """Return the message for a case that is slower than `--fail-above` allows."""
    ratio = one.comparison.ratio
    return (
        f"{name_of(one.trial.case.impl)} on {one.trial.case.workload.name} is "
        f"{100 * (ratio.median - 1):.1f} % slower (at least {100 * (ratio.low - 1):.1f} %), more than {percent:g} % "
        f"and beyond the floor of {100 * (one.floor - 1):.1f} %"
    )
