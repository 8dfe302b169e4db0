"""Shows any study from its record, so a new study needs no edit here. A few studies have functions that show more."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from bench.studies import STUDIES
from reports.blocks import Block, Bullets, Heading, Paragraph
from reports.evidence import Evidence
from reports.figures import gains, growth, vocabularies
from reports.figures.values import Value
from reports.presentation import not_measured, shown
from reports.records import Study


def names(evidence: Evidence) -> list[str]:
    """Return the names of all studies: the known ones in their order, then those that only the record has."""
    return list(dict.fromkeys([*STUDIES, *evidence.studies]))


def title(evidence: Evidence, name: str) -> str:
    """Return the title of a study; if the record lacks the study, return its name."""
    return evidence.studies[name].title if name in evidence.studies else f"Study {name}"


def show(evidence: Evidence, name: str) -> list[Block]:
    """Show a study."""
    study = evidence.study(name)
    more = {} if study.points.empty else MORE
    return more[name](evidence, study) if name in more else shown(study)


def growing(evidence: Evidence, study: Study) -> list[Block]:
    """Show a study in which time grows with the varied quantity, with the fitted growth."""
    del evidence
    return shown(study, growth.slopes(study))


def size(evidence: Evidence, study: Study) -> list[Block]:
    """Show the growth with the corpus, and the rates of encoders in other units."""
    return [*growing(evidence, study), Heading("Encoding in other units"), growth.rates(study.points)]


def duplication(evidence: Evidence, study: Study) -> list[Block]:
    """Show the gain from work on unique pretokens."""
    del evidence
    return shown(study, gains.repetition(study.points))


def workers(evidence: Evidence, study: Study) -> list[Block]:
    """Show speed-up and efficiency by number of workers, in place of the times."""
    cores = evidence.content("studies")["machine_info"]["cpu"]["count"]
    return [Paragraph(f"The process may use {cores} cores."), gains.workers(study.points), *not_measured(study)]


def compression(evidence: Evidence, study: Study) -> list[Block]:
    """Show bytes per token, the sample, and the trainings that ran out of pairs before the vocabulary was full."""
    del evidence
    first = study.points.iloc[0]
    sampled = (
        "Medians of ", Value(first["documents"], "documents"), f" documents, drawn with seed {first['seed']} from "
        "text after the text trained on.",
    )  # fmt: skip
    small = [(f"{series}: pairs ran out at ", n, " tokens") for series, n in vocabularies.not_filled(study.points)]
    return [*shown(study), Paragraph(sampled), *([Bullets(small)] if small else [])]


MORE: Mapping[str, Callable[[Evidence, Study], list[Block]]] = {
    "size": size,
    "vocabulary": growing,
    "pretoken_length": growing,
    "duplication": duplication,
    "workers": workers,
    "compression": compression,
}
"""A dict: study -> function that shows it, for the studies that show more than medians."""
