"""How to read the figures, their limits, and the commands."""

from __future__ import annotations

from bench.record import KINDS
from reports.blocks import Block, Bullets, Listing, Paragraph
from reports.evidence import Evidence

LIMITS = (
    "We wrote the implementations that we compare, on one kind of machine; the pure Python ones are written as a "
    "careful author would write them.",
    "The texts of the studies are generated stories: much repetition, short words, ASCII. The workloads named stdlib "
    "and the study of scripts show how far the results hold for other texts.",
    "A slope is fitted to sizes within a factor of 100 of the largest, and tells nothing of other sizes. A point is "
    "left out if a call would take too long; it is listed with the reason.",
    "A profiler slows the work that it measures: each profile states by how much. Samplers do not see inside "
    "compiled code; its steps are counted in a run of the same code as plain Python.",
    "If processes share a page of memory, resident memory counts the page once per process.",
)


def method(evidence: Evidence) -> list[Block]:
    """Return the commands, then how to read, then the limits."""
    workers = int(evidence.bench.cases["workers"].iloc[0])
    reading = (
        "Times are medians of the rounds; the spread of a speed-up is computed from the quartiles of both sides; "
        "bars of speed-ups are logarithmic. Compiled code was loaded before the clock started; encoders began with "
        f"an empty cache; counters and the compiled stages used {workers} workers. Absolute times of this machine "
        "drift by a factor of two: compare ratios. METHODOLOGY.md has the rules."
    )
    purposes = {
        evidence.bench.command: "ladders, studies, this report",
        KINDS["profiles"].command: "bottlenecks and memory, this report",
        KINDS["peers"].command: "against other tokenizers",
        KINDS["step"].command: "a training step beside other models",
        "nox -s report": "this report again from the newest records",
        "nox -s compare": "what got faster or slower since the last run",
    }
    listing = "\n".join(f"{command:<34} # {purpose}" for command, purpose in purposes.items())
    return [Listing(listing), Paragraph(reading), Bullets(LIMITS)]
