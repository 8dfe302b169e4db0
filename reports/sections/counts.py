"""Counts that do not drift: instructions, branches and misses by unit of work, simulated or from the CPU."""

from __future__ import annotations

from reports.blocks import Block, Bullets, Heading, Paragraph, missing
from reports.evidence import Evidence
from reports.figures import counts as figures


def counts(evidence: Evidence) -> list[Block]:
    """Return the counts beside the time, what they explain of it, and which tool could not run."""
    skipped = evidence.content("profiles").get("skipped", [])
    notes = [Bullets([f"{row['tool']}: skipped, since {row['reason']}" for row in skipped])] if skipped else []
    found, others = evidence.digests_with("call"), evidence.digests()
    if not found:
        return [missing("no run of the tools cachegrind and hardware"), *notes]
    explained = Bullets([figures.bound(digest, others) for digest in found])
    heading = Heading("What bounds them")
    return [Paragraph(READING), figures.table(found, others), heading, Paragraph(USUAL), explained, *notes]


READING = (
    "A time depends on how busy the machine is; a count does not. The tool cachegrind counts on a simulated CPU. Its "
    "first-level cache holds 32 KB and its last-level cache 32 MB. Its branch predictor is simple and misses more "
    "often than that of a current CPU. The time is that of a whole call in one thread without the tool."
)

USUAL = (
    f"Usual costs turn counts into times: {figures.PER_CYCLE} instructions a cycle at {figures.GHZ} GHz, "
    f"{figures.BRANCH_CYCLES} cycles for a mispredicted branch, {figures.FIRST_LEVEL_CYCLES} for a first-level miss, "
    f"{figures.LAST_LEVEL_NS} ns more for a last-level miss. A CPU does several of these at once, so their sum may "
    "exceed the time. Where the sum is far below the time, the rest is work of the operating system, such as reading "
    "the file and handing out memory, or instructions that wait for each other."
)
