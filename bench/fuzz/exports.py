"""Mutated files of an exported model.

The folder holds the digests of its files, so a changed file is refused. If a folder loads, its model must compute.
"""

from __future__ import annotations

import tempfile
from functools import cache
from pathlib import Path
from random import Random

import torch

from bench.fuzz.checkpoints import model
from bench.fuzz.kind import Case, Difference, Kind
from bench.fuzz.mutations import folder_of, mutated_one, refused_or
from bench.fuzz.tokenizer_folders import definition
from impls.tokenizer import Tokenizer
from lm.export import export
from lm.trained import Trained, load_trained

FILES = ("config.json", "model.safetensors", "tokenizer/mergelab.json")


@cache
def files() -> dict[str, bytes]:
    """Return the files of an intact exported folder: path -> content."""
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder)
        export(Trained(model(), Tokenizer.from_definition(definition(), impl="cached"), None), place)
        found = (path for path in sorted(place.rglob("*")) if path.is_file())
        return {str(path.relative_to(place)): path.read_bytes() for path in found}


def make(random: Random) -> Case:
    """Return a case in which one file of the folder is mutated."""
    return mutated_one(random, files(), FILES)


def check(case: Case) -> Difference | None:
    """Load the folder with the mutated file, and compute logits."""
    with folder_of(files(), case) as folder:
        return refused_or(lambda: _used(folder))


def _used(folder: Path) -> Difference | None:
    trained = load_trained(folder)
    with torch.no_grad():
        logits = trained.model(torch.zeros((1, 1), dtype=torch.int64))
    wanted = (1, 1, trained.model.config.vocab_size)
    return None if logits.shape == wanted else Difference(f"logits {wanted}", str(tuple(logits.shape)))


KIND = Kind("An export with a damaged file is refused, or loads as a model that computes.", make, check)
