"""Inputs of a measurement: a text and the result of each stage, each made when it is first needed."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, replace
from functools import cache, cached_property
from typing import Any

import numpy as np

from bench import PATTERN, SPECIAL_TOKENS
from data import get
from data.workloads import Workload
from impls import Definition, Tokenizer
from impls.contract import N_BYTES, Merges, Pretokens
from impls.inputs.file import TextFile
from impls.pipeline import train
from impls.registry import Impl, most_advanced
from impls.system import cores

FEWEST_BYTES = 4_000
"""A text is not cut shorter than that."""

WORKERS = cores()
"""Cores that this process may use."""


@dataclass(frozen=True)
class Inputs:
    """A text and a vocabulary size, with the results of the stages that come before the timed stage.

    Attributes:
        corpus: name of a corpus, or `file:PATH`.
        n_bytes: bytes of the corpus to use, from its beginning; None for all of it.
        vocab_size: 256 bytes + merges + one special token.
    """

    corpus: str
    n_bytes: int | None
    vocab_size: int

    @cached_property
    def text(self) -> TextFile:
        """The file of the text."""
        return TextFile.open(get(self.corpus, self.n_bytes))

    @cached_property
    def sha256(self) -> str:
        """The SHA-256 of the file, as hex."""
        with self.text.path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()

    @cached_property
    def content(self) -> str:
        """The file as a string."""
        return self.text.text(self.text.start, self.text.stop)

    @cached_property
    def pretokens(self) -> Pretokens:
        """The pretokens of the text with counts."""
        return count(most_advanced("count", compiled=True), self.text)

    @property
    def n_merges(self) -> int:
        """The number of merges of the vocabulary."""
        return self.vocab_size - N_BYTES - len(SPECIAL_TOKENS)

    @cached_property
    def definition(self) -> Definition:
        """A tokenizer trained on the text."""
        trainer = most_advanced("train", compiled=True).name
        return train(self.text.path, self.vocab_size, SPECIAL_TOKENS, pattern=PATTERN, impl=trainer)

    def tokenizer(self, impl: str) -> Tokenizer:
        """Return a new tokenizer, with empty caches, that encodes with the implementation `impl`."""
        return Tokenizer.from_definition(self.definition, impl=impl)


@cache
def inputs(corpus: str, n_bytes: int | None, vocab_size: int) -> Inputs:
    """Return the inputs for a text and a vocabulary size; the same arguments give the same object."""
    return Inputs(corpus, n_bytes, vocab_size)


def inputs_of(workload: Workload) -> Inputs:
    """Return the inputs of a workload."""
    return inputs(workload.corpus, workload.bytes, workload.vocab_size)


def shorter(workload: Workload) -> Workload | None:
    """Return a workload on the first quarter of the text; None if the quarter has less than FEWEST_BYTES."""
    n_bytes = inputs_of(workload).text.n_bytes // 4
    return replace(workload, bytes=n_bytes) if n_bytes >= FEWEST_BYTES else None


def count(impl: Impl, text: TextFile, workers: int = WORKERS) -> Pretokens:
    """Count the pretokens of a text with one implementation."""
    pretokens: Pretokens = impl.load()(text, pattern=PATTERN, special_tokens=SPECIAL_TOKENS, workers=workers)
    return pretokens


def output_digest(output: Any) -> str:
    """Return the sha256, as hex, of the output of a stage."""
    if isinstance(output, Pretokens | Merges):
        return output.digest()
    return hashlib.sha256(np.ascontiguousarray(output, "<i4").tobytes()).hexdigest()
