"""The profiled process: prepares a target, runs it under a tool, and reports how long that took.

    python -m profiles.inside '{"tool": ..., "subject": [stage, impl, workload, n_bytes], "raw": ..., "repeats": ...}'

Only the work is profiled, not its preparation. The report is JSON on a line of its own.
"""

from __future__ import annotations

import sys
from pathlib import Path
from time import perf_counter
from typing import Any

from bench import child
from profiles import tools
from profiles.targets import TARGETS, Subject, Work


def run(order: dict[str, Any]) -> dict[str, Any]:
    """Prepare the work, run it under the tool, and return the report."""
    tool, subject = tools.load(order["tool"]), Subject(*order["subject"])
    tool.arrive()
    works = prepared(subject, order["repeats"], warms=tool.warms)
    with tool.context(Path(order["raw"])):
        started = perf_counter()
        for work in works:
            work()
        seconds = perf_counter() - started
    workers = TARGETS[subject.stage].workers(subject.impl)
    return {"seconds": seconds, "workers": workers, "facts": tool.facts(subject)}


def prepared(subject: Subject, repeats: int, *, warms: bool) -> list[Work]:
    """Return a list with one call per repetition; the code that a first call would load is loaded already.

    With `warms`, a call is made before the profiled calls even if it loads no code.
    """
    target, workload = TARGETS[subject.stage], subject.row()
    if warms or target.loads_code(subject.impl):
        target.prepare(subject.impl, workload)()
    return [target.prepare(subject.impl, workload) for _ in range(repeats)]


if __name__ == "__main__":
    sys.exit(child.answer(run))
