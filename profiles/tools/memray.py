"""memray: every allocation, and which call sites hold the most memory at the peak."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

from bench.calls import short_path
from bench.child import ROOT
from profiles.targets import LARGE, SMALL, Subject, in_one_process
from profiles.tools.rows import by_size
from profiles.tools.tool import Tool, run_child

OURS = (f"{ROOT / 'impls'}/", f"{ROOT / 'lm'}/")
"""An allocation is counted for the innermost line in these folders."""


def suite() -> Iterator[Subject]:
    """Yield the implementations that finish the large workload, and a training step."""
    yield from in_one_process(LARGE)
    yield Subject("gpt2-step", "fused", SMALL)


def tracked(raw: Path) -> AbstractContextManager[Any]:
    """Record the allocations of the block."""
    import memray

    tracker: AbstractContextManager[Any] = memray.Tracker(str(raw))
    return tracker


def render(raw: Path) -> None:
    """Write statistics, X.stats.json, and a page, X.html, beside the raw file X."""
    for command, suffix in (("stats --json", ".stats.json"), ("flamegraph --no-web", ".html")):
        target = raw.with_suffix(suffix)
        words = ["-m", "memray", *command.split(), "--force", "--output", str(target), str(raw)]
        run_child([sys.executable, *words], {}, target)


def digest(raw: Path) -> dict[str, Any]:
    """Return the call sites that hold the most memory at its peak; also write the statistics and the page."""
    import memray

    render(raw)
    sizes: dict[tuple[str, str, int], list[int]] = {}
    with memray.FileReader(str(raw)) as reader:
        peak = reader.metadata.peak_memory
        for record in reader.get_high_watermark_allocation_records(merge_threads=True):
            site = sizes.setdefault(_site_of(record.stack_trace()), [0, 0])
            site[0] += record.size
            site[1] += record.n_allocations
    sites = [
        {"name": name, "file": file, "line": line, "bytes": size, "allocations": number}
        for (name, file, line), (size, number) in sizes.items()
    ]
    return {"sites": by_size(sites), "peak_bytes": peak}


def _site_of(stack: list[tuple[str, str, int]]) -> tuple[str, str, int]:
    """Return function, file and line of the innermost call in our code; if there is none, of the innermost call."""
    own = [place for place in stack if place[1].startswith(OURS)]
    name, file, line = (own or stack or [("unknown", "", 0)])[0]
    return name, short_path(file), line


TOOL = Tool(
    "memray",
    sees="every allocation of this process, not of its children",
    needs="memray",
    suffix=".bin",
    repeats=1,
    suite=suite,
    context=tracked,
    digest=digest,
)
