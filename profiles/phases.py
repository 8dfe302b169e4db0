"""Phase counters of compiled code: how often each step of a kernel ran, without a line in the kernels.

Run as plain Python, a kernel calls its helpers as functions, and a profiler counts them: the same code on the same
text takes the same steps. Compiled code is untouched, so that the counters cost nothing when they are off.
"""

from __future__ import annotations

PHASES = {
    "pretokens looked up": "keys.find",
    "pretokens merged (not seen before)": "encode.merge",
    "ranks looked up": "encode.rank_of",
    "blocks of 64 bytes scanned": "scan.gpt2_starts",
    "pretokens scanned byte by byte": "scan.gpt2_end",
    "merges made": "merge.apply_merge",
    "heap entries pushed": "merge.push",
    "heap entries taken or replaced": "merge.replace_root",
    "heap entries compared": "merge.comes_first",
    "neighbours noted (positions touched, two sides)": "merge.note",
    "pairs probed": "merge.slot_of_pair",
    "pairs created": "merge.create_pair",
    "ties broken by bytes": "merge.compare_tokens",
}
"""What a helper's calls mean. A helper that is renamed is renamed here; a test compares the two."""


def phases(calls: dict[str, int]) -> dict[str, int]:
    """Return the phases that took place, in the order of the table."""
    return {phase: calls[helper] for phase, helper in PHASES.items() if helper in calls}
