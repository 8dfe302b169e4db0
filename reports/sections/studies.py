"""Shows any study from its record, so a new study needs no edit here. A few studies have functions that show more."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from bench.studies import STUDIES
from reports.blocks import Block, Bullets, Details, Paragraph
from reports.evidence import Evidence
from reports.figures import gains, growth, vocabularies
from reports.figures.values import Cell, Value
from reports.ideas import ideas
from reports.presentation import not_measured, shown
from reports.records import Study


def names(evidence: Evidence) -> list[str]:
    """Return the names of all studies: first the known studies in order, then studies that only the record has."""
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
    """Show a study in which time grows with the varied quantity, and the fitted growth."""
    del evidence
    note = (
        "With an exponent of one, twice as much takes twice the time; near zero, the time hardly changes. If the "
        "interval reaches below zero, the growth cannot be told from noise."
    )
    return shown(study, growth.slopes(study), Paragraph(note))


def size(evidence: Evidence, study: Study) -> list[Block]:
    """Show the growth with the corpus, and the rates of encoders in other units."""
    units: list[Block] = [
        growth.rates(study.points),
        Paragraph("Bytes per token: the bytes of the text divided by the tokens that it becomes; more is better."),
    ]
    return [*growing(evidence, study), *training(study), Details("Encoding in other units", units)]


def training(study: Study) -> list[Block]:
    """Explain why training hardly grows with the text."""
    found = growth.reach(study.points)
    if not found:
        return []
    return [Paragraph((
        "Training hardly grows with the text: it makes a fixed number of merges and works on unique pretokens. "
        "Where the text is ", found.text, " as large, it has only ", found.unique, " as many of them.",
    ))]  # fmt: skip


def duplication(evidence: Evidence, study: Study) -> list[Block]:
    """Show the gain from work on unique pretokens."""
    del evidence
    return shown(study, gains.repetition(study.points))


def workers(evidence: Evidence, study: Study) -> list[Block]:
    """Show speed-up and efficiency by number of workers, in place of the times."""
    cores = evidence.content("studies")["machine_info"]["cpu"]["count"]
    odd: list[Cell] = [
        (f"{loss.series}: ", loss.workers, " workers are slower than one (", loss.speedup, ")", *bound(loss.series))
        for loss in gains.losses(study.points)
    ]
    return [
        Paragraph(f"The process may use {cores} cores."),
        gains.workers(study.points),
        *([Bullets(odd)] if odd else []),
        *not_measured(study),
    ]


def bound(series: str) -> list[Cell]:
    """Say what limits an implementation by its design."""
    words = ideas().get(series)
    return [f": it is bounded by {words.bound}"] if words else []


def compression(evidence: Evidence, study: Study) -> list[Block]:
    """Show bytes per token, words about the sample, and the trainings that ran out of pairs too early."""
    del evidence
    first = study.points.iloc[0]
    sampled = (
        "The numbers are bytes per token: more is better. Medians of ", Value(first["documents"], "documents"),
        f" documents, drawn with seed {first['seed']} from text after the text trained on.",
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
