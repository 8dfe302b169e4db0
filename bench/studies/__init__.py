"""Studies: each asks one question and varies one quantity. A new study is a new module here, and its name below."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from bench.studies.study import Study

STUDIES = (
    "size",
    "vocabulary",
    "duplication",
    "workers",
    "pretoken_length",
    "script",
    "calls",
    "start",
    "stages",
    "merges",
    "memory",
    "trainer_memory",
    "compression",
    "ten_thousand",
    "faults",
)
"""Names, in the order in which they run; the study NAME is `STUDY` of the module `bench.studies.NAME`."""


def load(name: str) -> Study:
    """Import the module of a study, and return the study."""
    study: Study = import_module(f"bench.studies.{name}").STUDY
    return study
