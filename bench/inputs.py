"""What is measured on: a text, and what the stages make of it, each made when it is first needed."""

from __future__ import annotations

import hashlib
import os
from dataclasses import dataclass
from functools import cache, cached_property

from data import get
from data.workloads import Workload
from impls import Definition, Tokenizer
from impls.contract import N_BYTES, Pretokens
from impls.inputs.file import TextFile
from impls.pipeline import train
from impls.registry import Impl, most_advanced

SPECIAL_TOKENS = ["<|endoftext|>"]
PATTERN = "gpt2"
WORKERS = len(os.sched_getaffinity(0))


@dataclass(frozen=True)
class Inputs:
    """A text and a vocabulary size, with what the stages before the timed one make of them.

    Attributes:
        corpus: name of a corpus, or `file:PATH`.
        n_bytes: how much of it; None for all.
        vocab_size: 256 bytes + merges + one special token.
    """

    corpus: str
    n_bytes: int | None
    vocab_size: int

    @cached_property
    def text(self) -> TextFile:
        """The file."""
        return TextFile.open(get(self.corpus, self.n_bytes))

    @cached_property
    def sha256(self) -> str:
        """Digest of the file, as hex."""
        with self.text.path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()

    @cached_property
    def content(self) -> str:
        """The file as a string."""
        return self.text.text(self.text.start, self.text.stop)

    @cached_property
    def pretokens(self) -> Pretokens:
        """Its pretokens with counts."""
        return count(most_advanced("count", compiled=True), self.text)

    @property
    def n_merges(self) -> int:
        """Merges of the vocabulary."""
        return self.vocab_size - N_BYTES - len(SPECIAL_TOKENS)

    @cached_property
    def definition(self) -> Definition:
        """A tokenizer trained on it."""
        trainer = most_advanced("train", compiled=True).name
        return train(self.text.path, self.vocab_size, SPECIAL_TOKENS, pattern=PATTERN, impl=trainer)

    def tokenizer(self, impl: str) -> Tokenizer:
        """Return a new tokenizer, its caches empty."""
        return Tokenizer.from_definition(self.definition, impl=impl)


@cache
def inputs(corpus: str, n_bytes: int | None, vocab_size: int) -> Inputs:
    """Return the inputs of a text and a vocabulary size, made once per run."""
    return Inputs(corpus, n_bytes, vocab_size)


def inputs_of(workload: Workload) -> Inputs:
    """Return the inputs of a workload."""
    return inputs(workload.corpus, workload.bytes, workload.vocab_size)


def count(impl: Impl, text: TextFile, workers: int = WORKERS) -> Pretokens:
    """Count with one implementation."""
    pretokens: Pretokens = impl.load()(text, pattern=PATTERN, special_tokens=SPECIAL_TOKENS, workers=workers)
    return pretokens
