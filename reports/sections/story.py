"""The ladder, step by step: the idea of each implementation, its gain and its bound, its code and its profile."""

from __future__ import annotations

from impls.registry import STAGES
from reports.blocks import Block, Details, Figure, Paragraph, Source
from reports.evidence import Evidence
from reports.figures import flames, ladders, profiles
from reports.figures.values import Cell, Link, Value
from reports.ideas import Words, ideas
from reports.listings import Excerpt, excerpts


def story(evidence: Evidence, stage: str) -> list[Block]:
    """Return the steps of one stage: a paragraph each, with code and profile folded below it."""
    told, code, blocks = ideas(), excerpts(stage) if stage in STAGES else {}, list[Block]()
    cases = evidence.bench.cases.drop_duplicates(["stage", "impl"])
    for row in cases[cases["stage"] == stage].to_dict("records"):
        name = f"{stage}/{row['impl']}"
        words = told.get(name, Words("", ""))
        blocks.append(Paragraph((
            f"`{row['impl']}`: {row['idea']}. ", words.removes and f"{words.removes} ",
            "Evidence: ", *gains(evidence, stage, row["impl"]), ".",
            words.bound and f" What bounds it now: {words.bound}.", *profile(evidence, stage, row["impl"]),
        )))  # fmt: skip
        inside = [*drawn(evidence, stage, row["impl"]), *(source(code[row["impl"]]) if row["impl"] in code else [])]
        if inside:
            blocks.append(Details(f"{row['impl']}: its code, and where its time goes", inside))
    return blocks


def savings(evidence: Evidence) -> list[Block]:
    """Return a table of the work that training on unique pretokens saves."""
    return [ladders.savings(evidence.bench)]


def gains(evidence: Evidence, stage: str, impl: str) -> list[Cell]:
    """Return, for each workload, the gain over the implementation before this one."""
    parts: list[Cell] = []
    for step in ladders.steps(evidence.bench, stage, impl):
        gain, before = step.gain, f" as fast as {step.before} on {step.workload} ("
        parts += ["; " if parts else "", gain.alone, before, gain.least, " to ", gain.most, ")"]
    return parts or ["this is where the ladder begins"]


def profile(evidence: Evidence, stage: str, impl: str) -> list[Cell]:
    """Say which functions of an implementation take the time, from its newest profile."""
    found = profiles.of(evidence.digests("cprofile"), stage, impl)
    if not found:
        return []
    parts: list[Cell] = []
    for name, share in profiles.largest(found[-1], 3).items:
        parts += [", " if parts else "", f"`{name}` ", Value(share, "share")]
    return [f" The profile on {found[-1]['workload']}: ", *parts, " of its own time."]


def drawn(evidence: Evidence, stage: str, impl: str) -> list[Block]:
    """Draw the stacks of an implementation's calls, or else the shares of its functions; list its counts."""
    blocks: list[Block] = []
    for digest in profiles.of(evidence.digests("speedscope"), stage, impl)[-1:]:
        stacks = flames.flames(digest)
        if stacks:
            blocks.append(Figure(stacks, f"Stacks of calls, sampled: {stage}/{impl} on {digest['workload']}"))
    for digest in profiles.of(evidence.digests("cprofile"), stage, impl)[-1:]:
        caption = f"Own time by function, without stacks: {stage}/{impl} on {digest['workload']}"
        blocks.append(Figure(flames.shares(digest), caption))
    counted = profiles.of(evidence.digests("counters"), stage, impl)[-1:]
    return [*blocks, profiles.counters(counted)] if counted else blocks


def source(code: Excerpt) -> list[Block]:
    """Show the code of a step, or the lines that the step changes."""
    said = "What it changes in the code before it" if code.language == "diff" else "Its key function"
    more = f"; {code.left_out} more lines" if code.left_out else ""
    return [Source(code.text, code.language, (f"{said}: ", Link(code.path, code.path), more))]
