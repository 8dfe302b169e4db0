"""The effects of kills, full disks and lost folders on commands at work."""

from __future__ import annotations

from reports.blocks import Block, Bullets, Heading, Paragraph
from reports.evidence import Evidence
from reports.figures import disturbed as figures
from reports.figures.values import Value

HEADINGS = {
    "kill": "Killed",
    "full disk": "Full disks",
    "lost folder": "Lost folders",
    "threads": "Threads",
    "forks": "Forks",
}


def disturbed(evidence: Evidence) -> list[Block]:
    """Return the faults kind by kind, then the broken promises and the work that was left out."""
    content = evidence.content("faults")
    blocks: list[Block] = [
        Paragraph(
            (
                "Commands were disturbed at random moments: before they changed a file, during their changes, or "
                "after their end. After each fault, the files of the user were compared with the files before it, "
                "and every new file had to be whole. Then the work was begun again, and had to end with the same "
                "bits as undisturbed work. Seed ",
                Value(content["seed"]),
                ", ",
                Value(content["seconds"], "s"),
                " in all.",
            )
        )
    ]
    for fault, table in figures.disturbed(content["faults"]):
        blocks += [Heading(HEADINGS.get(fault, fault)), table]
    broken = figures.violations(content["faults"])
    blocks.append(Bullets([f"Violation: {line}" for line in broken]) if broken else Paragraph("No violation."))
    if content["skipped"]:
        blocks.append(Bullets([f"Left out: {row['work']}: {row['reason']}" for row in content["skipped"]]))
    return blocks
