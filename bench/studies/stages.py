"""Where does the time go from a file to a file of ids?"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from bench.inputs import inputs, output_digest
from bench.studies import chains
from bench.studies.study import Point, Scale, Study, timed


def points(folder: Path, scale: Scale) -> Iterator[Point]:
    """Yield points of each stage of each chain, with one worker; the simplest chain gets only the small text."""
    del scale
    ladder = chains.chains()
    for n_bytes, some in ((chains.SMALL, ladder), (chains.LARGE, ladder[1:])):
        made = inputs("stories", n_bytes, chains.VOCABULARY)
        for chain in some:
            for stage, new in chains.stage_works(chain, made, folder).items():
                facts = {"bytes": made.text.n_bytes, "chain": chain.name, "stage": stage, "workers": 1}
                measure = timed(new, digest, loads=chain.trainer.compiled)
                yield Point(f"{chain.name}, {n_bytes}", stage, f"{stage} {n_bytes}", measure, facts)


def digest(output: Any) -> str:
    """Return the digest of a stage's output; empty for bytes, which were only read and need no check."""
    if isinstance(output, bytes):
        return ""
    return str(output) if isinstance(output, int) else output_digest(output)


STUDY = Study(
    title="Stages",
    question="Where does the time go from a file to a file of ids?",
    x="stage",
    x_unit="",
    unit="s",
    points=points,
)
