"""Counters of compiled code: how often each step of a kernel ran, counted without any change of the kernels.

The kernel runs as plain Python and calls its helpers as functions, and a profiler counts these calls. Compiled code
takes the same steps on the same text. Compiled code needs no counters for this, so it does not become slower.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from bench.calls import stats_in
from bench.child import ROOT
from impls import MergelabError
from impls.registry import STAGES, implementations
from profiles.targets import SMALL, Subject
from profiles.tools.cprofile import every_call
from profiles.tools.tool import Tool

KERNELS = ROOT / "impls" / "kernels"

PHASES = {
    "pretokens looked up": "keys.find",
    "pretokens merged (not seen before)": "encode.merge",
    "ranks looked up": "ranks.rank_of",
    "blocks of 64 bytes scanned": "scan.gpt2_starts",
    "pretokens scanned byte by byte": "scan.gpt2_end",
    "merges made": "merge.apply_merge",
    "heap entries pushed": "pair_heap.push",
    "heap entries taken or replaced": "pair_heap.replace_root",
    "heap entries compared": "pair_heap.comes_first",
    "neighbours noted (positions touched, two sides)": "merge.note",
    "pairs probed": "merge.slot_of_pair",
    "pairs created": "merge.create_pair",
    "ties broken by bytes": "pair_heap.compare_tokens",
}
"""Helper -> the meaning of a call. If a helper is renamed, rename it here too; a test compares both places."""


def suite() -> Iterator[Subject]:
    """Yield every compiled implementation."""
    rows = (row for stage in STAGES for row in implementations(stage) if row.compiled)
    yield from (Subject(row.stage, row.name, SMALL) for row in rows)


def digest(raw: Path) -> dict[str, Any]:
    """Return the number of calls of each helper, "module.function", and the counters that the table above names.

    Raises:
        MergelabError: no kernel ran.
    """
    calls: Counter[str] = Counter()
    for (file, _, name), (_, number, *_) in stats_in(str(raw)).items():
        path = Path(file)
        if path.parent == KERNELS and name.isidentifier() and path.stem != "compiler":
            calls[f"{path.stem}.{name}"] += number
    if not calls:
        raise MergelabError("no kernel ran; choose a compiled implementation, since only these have kernels")
    phases = {phase: calls[helper] for phase, helper in PHASES.items() if helper in calls}
    return {"counters": dict(sorted(calls.items())), "phases": phases}


TOOL = Tool(
    "counters",
    sees="calls of the kernels' helpers, from a run of the same code as plain Python",
    suffix=".prof",
    repeats=1,
    stages=STAGES,
    suite=suite,
    environment={"NUMBA_DISABLE_JIT": "1"},
    context=every_call,
    digest=digest,
)
