"""Mutated files of an exported model, a folder that holds the digests of its files."""

from __future__ import annotations

import tempfile
from functools import cache
from pathlib import Path
from random import Random

from bench.fuzz.checkpoints import model, plain
from bench.fuzz.kind import Case, Difference, Kind, compared
from bench.fuzz.mutations import folder_of, mutated_one, refused_or
from bench.fuzz.tokenizer_folders import definition
from impls.digests import MANIFEST
from impls.tokenizer import Tokenizer
from lm.export import export
from lm.trained import Trained, load_trained

FILES = ("config.json", "model.safetensors", "tokenizer_config.json", "tokenizer/mergelab.json", MANIFEST)


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
    """Load the folder with the mutated file, and compare config, weights, tokenizer and end of a document."""
    with folder_of(files(), case) as folder:
        return refused_or(lambda: compared(intact(), loaded(folder), "loaded"))


@cache
def intact() -> object:
    """Load the folder without a mutation; return its parts as plain values."""
    with folder_of(files(), Case(files()[MANIFEST], {"file": MANIFEST})) as folder:
        return loaded(folder)


def loaded(folder: Path) -> object:
    """Load an export; return its parts as plain values."""
    trained = load_trained(folder)
    model = trained.model
    tokenizer = trained.tokenizer.definition.fingerprint
    return plain([model.config.model_dump(), dict(model.state_dict()), tokenizer, trained.eos_id])


KIND = Kind("An export with a damaged file is refused, or loads with intact content.", make, check)
