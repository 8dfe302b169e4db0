"""Mutated files of a tokenizer in our own format, which has a digest of all its files."""

from __future__ import annotations

import tempfile
from functools import cache
from pathlib import Path
from random import Random

from bench.fuzz.kind import Case, Difference, Kind, compared
from bench.fuzz.mutations import folder_of, mutated_one, refused_or
from impls.definition import Definition
from impls.formats import mergelab
from impls.formats.gpt2 import MERGES_FILE, VOCAB_FILE
from impls.tokenizer import Tokenizer

FILES = (mergelab.SETTINGS_FILE, VOCAB_FILE, MERGES_FILE)

LETTERS = [bytes([byte]) for byte in b"abcdehlt \n\xc3\xa9"]

MERGES = [(b"t", b"h"), (b"th", b"e"), (b"h", b"e"), (b"t", b"he"), (b" ", b"the"), (b"a", b"b"), (b"\xc3", b"\xa9")]


def definition() -> Definition:
    """Return a small tokenizer whose ids have gaps; two of its merges make the same token."""
    tokens = sorted({*LETTERS, *(left + right for left, right in MERGES)})
    return Definition({7 * place: token for place, token in enumerate(tokens)}, MERGES, ["<|endoftext|>", "ab"])


@cache
def files() -> dict[str, bytes]:
    """Return the files of an intact folder: name -> content."""
    with tempfile.TemporaryDirectory() as folder:
        mergelab.write(folder, definition())
        return {name: (Path(folder) / name).read_bytes() for name in FILES}


def make(random: Random) -> Case:
    """Return a case in which one file of the folder is mutated."""
    return mutated_one(random, files(), FILES)


def check(case: Case) -> Difference | None:
    """Load the folder with the mutated file; compare the tokenizer with the intact one."""
    with folder_of(files(), case) as folder:
        return refused_or(
            lambda: compared(definition().fingerprint, Tokenizer.load(folder).definition.fingerprint, "loaded")
        )


KIND = Kind("A tokenizer with a damaged file is refused, or loads with intact content.", make, check)
