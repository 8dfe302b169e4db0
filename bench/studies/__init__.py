"""Studies of how implementations grow: one question, one varied quantity each. A study is a file and a name here."""

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
    """Import and return a study."""
    study: Study = import_module(f"bench.studies.{name}").STUDY
    return study
