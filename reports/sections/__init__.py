"""The sections of the report: each is a function from the evidence to words and figures, and a row of this table.

No section imports another section. A study that no row names is shown by the section `studies`, from its record.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from typing import NamedTuple

from bench.record import KINDS
from reports import records
from reports.blocks import Block, Bullets, Section, missing
from reports.errors import Missing
from reports.evidence import Evidence, study_command
from reports.sections import studies
from reports.sections.bottlenecks import bottlenecks
from reports.sections.counts import counts
from reports.sections.disturbed import disturbed
from reports.sections.downscaling import downscaling
from reports.sections.faults import faults
from reports.sections.ladders import ladder
from reports.sections.machine import machine
from reports.sections.memory import memory
from reports.sections.method import method
from reports.sections.peers import peers
from reports.sections.picks import picks
from reports.sections.stages import stages
from reports.sections.step import step
from reports.sections.story import story
from reports.sections.summary import summary
from reports.sections.ten_thousand import ten_thousand
from reports.sections.workloads import workloads


class Part(NamedTuple):
    """One section.

    Attributes:
        title: the title of the section.
        kind: the kind of the record that the section needs.
        make: makes the blocks below the title; raises Missing if there is nothing to show.
        command: the command that makes its figures; empty for `nox -s bench`.
        studies: names of the studies that this section shows; they get no section of their own.
    """

    title: str
    kind: str
    make: Callable[[Evidence], list[Block]]
    command: str = ""
    studies: tuple[str, ...] = ()


Parts = Callable[[Evidence], Iterator[Part]]
"""Sections of which the records decide how many there are."""


def ladder_parts(evidence: Evidence) -> Iterator[Part]:
    """Yield a section per stage and workload."""
    for stage, workload, _ in records.ladders(evidence.bench):
        yield Part(f"{stage}, {workload}", "bench", partial(ladder, stage=stage, workload=workload))


def study_parts(evidence: Evidence) -> Iterator[Part]:
    """Yield a section per study that no row of the table names; without a record of studies, yield one section."""
    named = {name for row in PARTS if isinstance(row, Part) for name in row.studies}
    names = [name for name in studies.names(evidence) if name not in named]
    if "studies" not in evidence.others:
        yield Part("Studies", "studies", partial(studies.show, name=names[0]))
        return
    for name in names:
        yield of_studies(studies.title(evidence, name), partial(studies.show, name=name), name)


def of_studies(title: str, make: Callable[[Evidence], list[Block]], *names: str) -> Part:
    """Return the section of some studies."""
    return Part(title, "studies", make, study_command(*names), names)


MEMORY = ("memory", "trainer_memory")

PARTS: tuple[Part | Parts, ...] = (
    Part("Summary", "bench", summary),
    ladder_parts,
    Part("The ladder, step by step", "bench", story),
    Part("Against other tokenizers", "peers", peers, KINDS["peers"].command),
    Part("The training step", "step", step, KINDS["step"].command),
    study_parts,
    of_studies("Stages", stages, "stages", "merges"),
    Part("Bottlenecks", "profiles", bottlenecks, KINDS["profiles"].command),
    Part("Counts that do not drift", "profiles", counts, KINDS["profiles"].command),
    Part("Memory", "profiles", memory, f"{KINDS['profiles'].command}; {study_command(*MEMORY)}", MEMORY),
    Part("Does the small set show the bottleneck of the large one?", "studies", downscaling, study_command("size")),
    of_studies("A vocabulary of 10,000", ten_thousand, "ten_thousand"),
    Part("Which implementation to take", "studies", picks, study_command("size", "start")),
    of_studies("Known faults of tokenizer programs", faults, "faults"),
    Part("What kills and full disks did", "faults", disturbed, KINDS["faults"].command),
    Part("Workloads", "bench", workloads),
    Part("Machine", "bench", machine),
    Part("How to read and reproduce it", "bench", method),
)
"""All sections of the report, in order."""


def sections(evidence: Evidence) -> list[Section]:
    """Return all sections. A section that cannot be made holds the reason; the first section lists all problems."""
    parts = [part for row in PARTS for part in ([row] if isinstance(row, Part) else row(evidence))]
    made = [_made(part, evidence) for part in parts]
    if evidence.problems:
        made[0].blocks.append(Bullets([f"Problem: {line}" for line in evidence.problems]))
    return made


def _made(part: Part, evidence: Evidence) -> Section:
    try:
        return Section(part.title, part.make(evidence), part.command)
    except Missing as why:
        return Section(part.title, [missing(why)])
    except (LookupError, TypeError, ArithmeticError, ValueError, AttributeError) as error:
        name = evidence.names[part.kind]
        evidence.problems.append(f"{name}: no section {part.title!r} from it: {error!r}")
        return Section(part.title, [missing(f"{name} lacks a field ({error!r}); run the session again")])
