"""The ladder, step by step: the idea of each implementation, its gain and its bound."""

from __future__ import annotations

from reports.blocks import Block, Heading, Paragraph
from reports.evidence import Evidence
from reports.figures import ladders, profiles
from reports.figures.values import Cell, Value
from reports.ideas import Words, ideas


def story(evidence: Evidence) -> list[Block]:
    """Return one paragraph per implementation, and the savings of training."""
    told, blocks = ideas(), list[Block]()
    cases = evidence.bench.cases.drop_duplicates(["stage", "impl"])
    for stage in dict.fromkeys(cases["stage"]):
        blocks.append(Heading(f"Stage {stage}"))
        for row in cases[cases["stage"] == stage].to_dict("records"):
            words = told.get(f"{stage}/{row['impl']}", Words("", ""))
            blocks.append(Paragraph((
                f"`{row['impl']}`: {row['idea']}. ", words.removes and f"{words.removes} ",
                "Evidence: ", *gains(evidence, stage, row["impl"]), ".",
                words.bound and f" What bounds it now: {words.bound}.", *profile(evidence, stage, row["impl"]),
            )))  # fmt: skip
    return [*blocks, Heading("What training saves"), ladders.savings(evidence.bench)]


def gains(evidence: Evidence, stage: str, impl: str) -> list[Cell]:
    """Return the gain over the implementation before, workload by workload."""
    parts: list[Cell] = []
    for step in ladders.steps(evidence.bench, stage, impl):
        gain, before = step.gain, f" as fast as {step.before} on {step.workload} ("
        parts += ["; " if parts else "", gain.alone, before, gain.least, " to ", gain.most, ")"]
    return parts or ["this is where the ladder begins"]


def profile(evidence: Evidence, stage: str, impl: str) -> list[Cell]:
    """Return a sentence that names the functions with the most time in the newest profile of the implementation."""
    found = [row for row in evidence.digests("cprofile") if (row["stage"], row["impl"]) == (stage, impl)]
    if not found:
        return []
    parts: list[Cell] = []
    for name, share in profiles.largest(found[-1], 3).items:
        parts += [", " if parts else "", f"`{name}` ", Value(share, "share")]
    return [f" The profile on {found[-1]['workload']}: ", *parts, " of its own time."]
