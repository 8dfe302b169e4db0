"""Our fastest trainer, compared with HF tokenizers, with HF's tie-break."""

from __future__ import annotations

import tempfile
import unicodedata
from pathlib import Path
from random import Random

import tokenizers  # noqa: F401  # Without this package, the kind is skipped before a case is made.

from bench.fuzz.kind import Case, Difference, Kind, compared
from bench.fuzz.texts import ALPHABETS, text
from impls.peers import load_peer
from impls.pipeline import train_bpe
from impls.registry import most_advanced

END = "<|endoftext|>"

OLD = ["".join(one for one in letters if unicodedata.ucd_3_2_0.category(one) != "Cn") for letters in ALPHABETS]
"""The alphabets without characters that came after Unicode 3.2: a peer may not know them as letters or digits."""


def make(random: Random) -> Case:
    """Return a text to train on, with or without a special token."""
    content = text(random, 1500, random.choice(OLD)) or "a"
    specials = [END] if random.random() < 0.5 else []
    return Case(content.encode(), {"n_merges": random.choice((1, 20, 200)), "special_tokens": specials})


def check(case: Case) -> Difference | None:
    """Train our trainer and HF's on the same file, and compare the merges."""
    specials = case.parameters["special_tokens"]
    size = 256 + case.parameters["n_merges"] + len(specials)
    if not case.content:
        return None
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "text.txt"
        path.write_bytes(case.content)
        _, theirs = load_peer("train", "huggingface")()(path, size, specials, tie_break="huggingface")
        impl = most_advanced("train", compiled=True).name
        _, ours = train_bpe(path, size, specials, impl=impl, tie_break="huggingface")
    return compared(theirs, ours, impl)


KIND = Kind("Training with HF's tie-break learns the merges that HF tokenizers learns.", make, check)
