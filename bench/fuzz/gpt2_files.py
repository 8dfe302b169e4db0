"""Mutated `vocab.json` and `merges.txt`, which carry no digest.

A mutated file may hold another valid vocabulary. So if the files load, the tokenizer must work: it is saved, loaded
and used.
"""

from __future__ import annotations

from pathlib import Path
from random import Random

from bench.fuzz.kind import Case, Difference, Kind, compared
from bench.fuzz.mutations import folder_of, mutated_one, refused_or
from bench.fuzz.tokenizer_folders import files
from impls.formats.gpt2 import MERGES_FILE, VOCAB_FILE
from impls.tokenizer import Tokenizer

FILES = (VOCAB_FILE, MERGES_FILE)

TEXT = "the ab<|endoftext|>hé the\nlatch"


def make(random: Random) -> Case:
    """Return a case in which one of the two files is mutated."""
    return mutated_one(random, files(), FILES)


def check(case: Case) -> Difference | None:
    """Load the two files; save the tokenizer, load it again, and use it."""
    with folder_of({name: files()[name] for name in FILES}, case) as folder:
        return refused_or(lambda: used(folder))


def used(folder: Path) -> Difference | None:
    """Save and load the tokenizer, encode and decode a text."""
    tokenizer = Tokenizer.from_files(folder / VOCAB_FILE, folder / MERGES_FILE, ["<|endoftext|>"], impl="cached")
    tokenizer.save(folder / "saved")
    again = Tokenizer.load(folder / "saved", impl="cached")
    return compared(tokenizer.fingerprint(), again.fingerprint(), "saved and loaded") or compared(
        TEXT, again.decode(tokenizer.encode(TEXT)), "encoded and decoded"
    )


KIND = Kind("Damaged GPT-2 files are refused, or load as a tokenizer that can be saved and used.", make, check)
