"""Mutated YAML configs of a run.

These files carry no digest, since people write them. So a mutated file may be a valid config with other values.
"""

from __future__ import annotations

import tempfile
from functools import cache
from pathlib import Path
from random import Random

import lm
from bench.fuzz.kind import Case, Difference, Kind, compared
from bench.fuzz.mutations import mutated, refused_or
from lm.config_files import load_run, save_run

RUN = Path(lm.__file__).parent / "configs" / "stories-small.yaml"


@cache
def intact() -> bytes:
    """Return the bytes of an intact run file, in which every value is written out."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "run.yaml"
        save_run(load_run(RUN), path)
        return path.read_bytes()


def make(random: Random) -> Case:
    """Return a mutated run file."""
    return Case(mutated(random, intact()))


def check(case: Case) -> Difference | None:
    """Load the mutated run file; save the config, load it again, and compare the two."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "run.yaml"
        path.write_bytes(case.content)
        return refused_or(lambda: _saved_and_loaded(path))


def _saved_and_loaded(path: Path) -> Difference | None:
    config = load_run(path)
    save_run(config, path)
    return compared(config, load_run(path), "saved and loaded")


KIND = Kind("A damaged config is refused, or loads as a config that can be saved.", make, check)
