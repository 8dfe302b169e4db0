"""Where the time of a call goes: the stacks of calls in a profile, and the shares of its functions."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from reports.figures.profiles import Digest, largest, total
from reports.figures.series import Flames, Frame, Stack, Stacks
from reports.figures.values import Value

LEAST = 0.005
"""Share of the time below which a function is not drawn."""

MOST_PARTS = 5

Sample = tuple[Sequence[str], float]
"""A stack of calls, outermost first, and its seconds."""


def flames(digest: Digest) -> Flames | None:
    """Return the stacks of a profile, without the calls with which all of them begin; None if it has no stacks."""
    samples = [(row["stack"], float(row["seconds"])) for row in digest.get("stacks", []) if row["stack"]]
    if not samples:
        return None
    whole = sum(seconds for _, seconds in samples)
    common = _common([stack for stack, _ in samples])
    below = [(stack[common:], seconds) for stack, seconds in samples]
    return Flames(list(_frames(below, 0, 0.0, whole)), Value(whole, "s"))


def _common(stacks: Sequence[Sequence[str]]) -> int:
    """Return the number of calls with which all stacks begin alike; the last call of a stack is never counted."""
    least = min(map(len, stacks)) - 1
    return next((place for place in range(least) if len({stack[place] for stack in stacks}) > 1), max(least, 0))


def _frames(samples: Sequence[Sample], depth: int, start: float, whole: float) -> Iterable[Frame]:
    by_name: dict[str, list[Sample]] = {}
    for stack, seconds in samples:
        if stack:
            by_name.setdefault(stack[0], []).append((stack[1:], seconds))
    for name, below in sorted(by_name.items(), key=lambda item: -sum(seconds for _, seconds in item[1])):
        share = sum(seconds for _, seconds in below) / whole
        if share >= LEAST:
            yield Frame(name, depth, start, start + share)
            yield from _frames(below, depth + 1, start, whole)
            start += share


def shares(digest: Digest) -> Stacks:
    """Return one bar with a part for each function with much own time, and a part for all other functions."""
    items = [item for item in largest(digest, MOST_PARTS).items if item[1] >= LEAST]
    rest = max(1 - sum(share for _, share in items), 0.0)
    names, parts = zip(*items, ("all others", rest), strict=True)
    seconds = [share * total(digest) for share in parts]
    return Stacks(names, [Stack("own time", seconds, Value(total(digest), "s"))])
