"""The sections of the report, in order: each a function from the evidence to blocks, with every figure computed."""

from __future__ import annotations

from collections.abc import Callable

from reports.blocks import Section, missing
from reports.load import Evidence
from reports.sections.benchmarks import ladder_sections, ladder_story, machine, method, summary, workloads
from reports.sections.faults import faults
from reports.sections.growth import growth_studies, pick_table, stages, ten_thousand
from reports.sections.peers import peers
from reports.sections.profiles import bottlenecks, downscaling, memory
from reports.sections.step import step

PARTS: tuple[tuple[str, str, Callable[[Evidence], list[Section]]], ...] = (
    ("Summary", "bench", summary),
    ("Ladders", "bench", ladder_sections),
    ("The ladder, step by step", "bench", ladder_story),
    ("Against other tokenizers", "peers", peers),
    ("The training step", "lm", step),
    ("Growth", "sweeps", growth_studies),
    ("Stages", "sweeps", stages),
    ("Bottlenecks", "profiles", bottlenecks),
    ("Memory", "profiles", memory),
    ("Does the small set show the bottleneck of the large one?", "sweeps", downscaling),
    ("A vocabulary of 10,000", "sweeps", ten_thousand),
    ("Which implementation to take", "sweeps", pick_table),
    ("Known faults of tokenizer programs", "sweeps", faults),
    ("Workloads", "bench", workloads),
    ("Machine", "bench", machine),
    ("How to read and reproduce it", "bench", method),
)
"""Title, the kind of record that it needs, and what makes it; without the record there is the reason instead."""


def sections(evidence: Evidence) -> list[Section]:
    """Return all sections; one whose record cannot be used says so in its place."""
    made: list[Section] = []
    for title, kind, make in PARTS:
        if kind in evidence.why_missing:
            made.append(missing(title, evidence.why_missing[kind]))
            continue
        try:
            made += make(evidence)
        except (LookupError, TypeError, ArithmeticError, ValueError, AttributeError) as error:
            name = evidence.names.get(kind, evidence.bench.path.name)
            evidence.problems.append(f"{name}: no section {title!r} from it: {error!r}")
            made.append(missing(title, f"{name} lacks what it needs ({error!r}); run the session again"))
    return made
