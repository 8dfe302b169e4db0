"""The report: a first screen, then chapters of sections. A section is a function from the evidence to words around
figures, and a row of this table.

No section imports another section. A study that no row names has a chapter of its own, see `sections/studies.py`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from typing import NamedTuple

from bench.record import KINDS
from reports import records
from reports.blocks import Block, Bullets, Chapter, Report, Section, missing
from reports.errors import Missing
from reports.evidence import Evidence, study_command
from reports.figures.ladders import tallest
from reports.sections import studies
from reports.sections.bottlenecks import bottlenecks
from reports.sections.counts import counts
from reports.sections.disturbed import disturbed
from reports.sections.downscaling import downscaling
from reports.sections.faults import faults
from reports.sections.history import history
from reports.sections.ladders import cases, ladder, verdicts
from reports.sections.machine import machine
from reports.sections.memory import memory
from reports.sections.method import method
from reports.sections.peers import peers
from reports.sections.picks import picks
from reports.sections.stages import stages
from reports.sections.step import step
from reports.sections.story import savings, story
from reports.sections.summary import summary
from reports.sections.ten_thousand import ten_thousand
from reports.sections.workloads import workloads


class Part(NamedTuple):
    """One section.

    Attributes:
        title: the title of the section.
        kind: the kind of the record that the section needs.
        make: makes the blocks below the title; raises Missing if there is nothing to show.
        command: the command that makes the figures; empty for `nox -s bench`.
        studies: the names of the studies that the section shows and that have no section of their own.
        short: whether the section is in Markdown too.
    """

    title: str
    kind: str
    make: Callable[[Evidence], list[Block]]
    command: str = ""
    studies: tuple[str, ...] = ()
    short: bool = True


Parts = Callable[[Evidence], Iterator[Part]]
"""Makes sections whose number depends on the records."""


def ladder_parts(evidence: Evidence) -> Iterator[Part]:
    """Yield a section per stage and workload. The section of a stage's tallest ladder is in Markdown too."""
    first = {(stage, workload) for stage, workload, _ in tallest(evidence.bench)}
    for stage, workload, _ in records.ladders(evidence.bench):
        make = partial(ladder, stage=stage, workload=workload)
        yield Part(f"{stage}, {workload}", "bench", make, short=(stage, workload) in first)


def story_parts(evidence: Evidence) -> Iterator[Part]:
    """Yield a section per stage."""
    for stage in dict.fromkeys(stage for stage, *_ in records.ladders(evidence.bench)):
        yield Part(f"Steps of {stage}", "bench", partial(story, stage=stage))


def of_studies(title: str, make: Callable[[Evidence], list[Block]], *names: str) -> Part:
    """Return a section that shows some studies."""
    return Part(title, "studies", make, study_command(*names), names)


class Shown(NamedTuple):
    """Studies that have a section each."""

    names: tuple[str, ...]
    short: bool = True

    def parts(self, evidence: Evidence) -> Iterator[Part]:
        """Yield the sections."""
        for name in self.names:
            make = partial(studies.show, name=name)
            yield of_studies(studies.title(evidence, name), make, name)._replace(short=self.short)


def other_studies(evidence: Evidence) -> Iterator[Part]:
    """Yield a section per study that no row of the table names."""
    rows = [row for chapter in CHAPTERS for row in chapter.rows]
    named = {name for row in rows if isinstance(row, Part) for name in row.studies}
    named |= {name for row in rows if isinstance(row, Shown) for name in row.names}
    yield from Shown(tuple(name for name in studies.names(evidence) if name not in named)).parts(evidence)


class Rows(NamedTuple):
    """One chapter: its title, a few words about its content, and its sections."""

    title: str
    about: str
    rows: tuple[Part | Shown | Parts, ...]


MEMORY = ("memory", "trainer_memory")

FRONT = Part("Summary", "bench", summary)

CHAPTERS = (
    Rows(
        "Every ladder",
        "each stage on each workload, with every round",
        (Part("Verdicts", "bench", verdicts), Part("All cases", "bench", cases, short=False), ladder_parts),
    ),
    Rows(
        "Step by step",
        "what each step removes, its code, its profile",
        (story_parts, Part("What training saves", "bench", savings, short=False)),
    ),
    Rows(
        "Where the time goes",
        "stages of a pipeline, merges of a training, functions, compiled code",
        (
            of_studies("Stages", stages, "stages", "merges"),
            Part("Bottlenecks", "profiles", bottlenecks, KINDS["profiles"].command, short=False),
            Part("Counts that do not drift", "profiles", counts, KINDS["profiles"].command, short=False),
        ),
    ),
    Rows(
        "Growth",
        "with the text, the vocabulary, repetition, workers, the length of pretokens",
        (
            Shown(("size",)),
            Part("Does the small set show the bottleneck of the large one?", "studies", downscaling,
                 study_command("size"), short=False),
            Shown(("vocabulary",), short=False),
            of_studies("A vocabulary of 10,000", ten_thousand, "ten_thousand")._replace(short=False),
            Shown(("duplication",), short=False),
            Shown(("workers",)),
            Shown(("pretoken_length",), short=False),
        ),
    ),
    Rows("Scripts and compression", "characters of several bytes, bytes per token", (
        Shown(("script", "compression"), short=False),
    )),
    Rows(
        "Small calls and the start",
        "when compiled code pays, and which implementation to take",
        (
            Shown(("calls",)),
            Shown(("start",), short=False),
            Part("Which implementation to take", "studies", picks, study_command("size", "start"), short=False),
        ),
    ),
    Rows(
        "How much memory",
        "by call site, over time, beside the prediction",
        (of_studies("Memory", memory, *MEMORY)._replace(
            kind="profiles", command=f"{KINDS['profiles'].command}; {study_command(*MEMORY)}", short=False),),
    ),
    Rows("Peers", "the same work beside gigatoken, rustbpe, HF tokenizers and tiktoken", (
        Part("Against other tokenizers", "peers", peers, KINDS["peers"].command),
    )),
    Rows("The trainer", "a training step beside nanoGPT and transformers", (
        Part("The training step", "step", step, KINDS["step"].command),
    )),
    Rows("Faults", "what known faults cost, what kills and full disks did", (
        of_studies("Known faults of tokenizer programs", faults, "faults")._replace(short=False),
        Part("What kills and full disks did", "faults", disturbed, KINDS["faults"].command, short=False),
    )),
    Rows("More studies", "studies that this page knows only by their record", (other_studies,)),
    Rows("History", "each case over all records of this machine", (Part("Over all records", "bench", history),)),
    Rows("How it was measured", "workloads, machine, commands, limits", (
        Part("Workloads", "bench", workloads),
        Part("Machine", "bench", machine, short=False),
        Part("How to read and reproduce it", "bench", method),
    )),
)  # fmt: skip
"""The chapters, in order."""


def report(evidence: Evidence) -> Report:
    """Return the report. The reason replaces a section that cannot be made; the first screen lists all problems."""
    front, chapters = _made(FRONT, evidence), []
    for title, about, rows in CHAPTERS:
        made = [_made(part, evidence) for row in rows for part in _parts(row, evidence)]
        if made:
            chapters.append(Chapter(title, about, made))
    if evidence.problems:
        front.blocks.append(Bullets([f"Problem: {line}" for line in evidence.problems]))
    return Report(front, chapters, list(evidence.names.values()))


def _parts(row: Part | Shown | Parts, evidence: Evidence) -> Iterator[Part]:
    if isinstance(row, Part):
        return iter([row])
    return row.parts(evidence) if isinstance(row, Shown) else row(evidence)


def _made(part: Part, evidence: Evidence) -> Section:
    try:
        return Section(part.title, part.make(evidence), part.command, part.short)
    except Missing as why:
        return Section(part.title, [missing(why)], short=part.short)
    except (LookupError, TypeError, ArithmeticError, ValueError, AttributeError) as error:
        name = evidence.names[part.kind]
        evidence.problems.append(f"{name}: no section {part.title!r} from it: {error!r}")
        return Section(part.title, [missing(f"{name} lacks a field ({error!r}); run the session again")])
