"""Python's own profiler: the number of calls of each function, and their time."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from bench.calls import recorded, short_path, stats_in
from profiles.targets import LARGE, SMALL, TARGETS, Subject, in_one_process
from profiles.tools.rows import ranked
from profiles.tools.tool import Tool


def suite() -> Iterator[Subject]:
    """Yield every implementation on the small workload, then the implementations that finish the large workload."""
    for stage, target in TARGETS.items():
        yield from (Subject(stage, impl, SMALL) for impl in target.impls)
    yield from in_one_process(LARGE)


@contextmanager
def every_call(raw: Path) -> Iterator[None]:
    """Record all calls inside the block."""
    with recorded() as profiler:
        try:
            yield
        finally:
            profiler.dump_stats(raw)


def digest(raw: Path) -> dict[str, Any]:
    """Return the functions with the most time of their own."""
    functions = [
        {"name": name, "file": short_path(file), "line": line, "own": own, "cumulative": total, "calls": calls}
        for (file, line, name), (_, calls, own, total, _) in stats_in(str(raw)).items()
    ]
    return {"functions": ranked(functions), "own_total": sum(row["own"] for row in functions)}


TOOL = Tool(
    "cprofile",
    sees="every call of Python and C; compiled code is one call",
    suffix=".prof",
    suite=suite,
    context=every_call,
    digest=digest,
)
