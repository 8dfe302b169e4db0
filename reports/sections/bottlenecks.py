"""Bottlenecks as the profilers show them: functions, steps of compiled code, operators of PyTorch."""

from __future__ import annotations

from reports.blocks import Block, Bullets, Details, Heading, Paragraph, missing
from reports.evidence import Evidence
from reports.figures import profiles

TITLES = {"cprofile": "Deterministic profiles", "scalene": "Sampled by line", "speedscope": "Sampled stacks"}
"""A dict: tool -> heading of the table of functions that the tool saw; all other tools have a plain heading."""

OPERATORS = "Operators of PyTorch in training steps"


def bottlenecks(evidence: Evidence) -> list[Block]:
    """Return a table of all profiles, then the profiles of each tool."""
    evidence.content("profiles")
    seen = [digest for digest in evidence.digests() if not {"phases", "call"} & digest.keys()]
    blocks: list[Block] = [Heading("All profiles"), profiles.overview(seen)]
    others = [row["tool"] for row in seen if row.get("functions") and "tensor_bytes" not in row]
    for tool in dict.fromkeys([*TITLES, *others]):
        blocks.append(Details(TITLES.get(tool, f"Functions by {tool}"), functions(evidence, tool)))
    return [*blocks, *counters(evidence), Details(OPERATORS, operators(evidence)), *failures(evidence)]


def calls(digest: profiles.Digest) -> str:
    """Name the target of a profile, and how many calls were profiled."""
    n = digest["repeats"]
    return f"{profiles.name_of(digest)} on {digest['workload']}, {n} call{'s' if n > 1 else ''}"


def functions(evidence: Evidence, tool: str) -> list[Block]:
    """Show the largest functions of each profile of one tool."""
    blocks: list[Block] = []
    for digest in evidence.digests(tool):
        blocks += [Paragraph(f"{calls(digest)}:"), profiles.functions(digest)]
    return blocks or [missing(f"no profile by {tool}")]


def counters(evidence: Evidence) -> list[Block]:
    """Show how often the steps of compiled code ran."""
    heading, found = Heading("Inside compiled code"), evidence.digests_with("phases")
    if not found:
        return [heading, missing("no run of the counters")]
    text = (
        "Samplers see compiled code as one call. Its steps are counted while the same code runs as plain Python, so "
        "the counting costs the compiled code nothing."
    )
    return [heading, Paragraph(text), profiles.counters(found)]


def operators(evidence: Evidence) -> list[Block]:
    """Show training steps as PyTorch's own profiler saw them."""
    blocks: list[Block] = []
    found = evidence.digests_with("tensor_bytes")
    if not found:
        return [missing("no profile by torch")]
    for digest in found:
        steps = f"{calls(digest)} of {digest['tensor_bytes']['steps']} steps:"
        blocks += [Paragraph(steps), profiles.operators(digest)]
    text = "Memory: an operator's own allocations, less the memory that it gave back, over all of its calls."
    return [*blocks, Paragraph(text)]


def failures(evidence: Evidence) -> list[Block]:
    """List the profiles that failed."""
    rows = evidence.content("profiles")["failures"]
    entries = [f"{row['tool']} of {row['stage']}/{row['impl']} on {row['workload']}: {row['error']}" for row in rows]
    return [Paragraph("Failed:"), Bullets(entries)] if entries else []
