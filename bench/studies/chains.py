"""A chain has an implementation of each stage, from reading a file to writing its ids; three chains make a ladder."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from bench import PATTERN, SPECIAL_TOKENS
from bench.inputs import Inputs, count
from impls.kernels.compiler import kernel
from impls.kernels.helpers import Int
from impls.kernels.keys import BATCH
from impls.kernels.specials import next_special, pack_specials, special_at, special_length
from impls.kernels.splits import SPLITS
from impls.patterns import Splitter
from impls.registry import Impl, find, implementations, most_advanced

SMALL, LARGE, VOCABULARY = 10_000, 1_000_000, 512
"""Bytes of text with and without the simplest chain; vocabulary size of both."""


@dataclass(frozen=True)
class Chain:
    """One implementation of each stage, chosen to belong together; the chain has the name of its trainer."""

    counter: Impl
    trainer: Impl
    encoder: Impl

    @property
    def name(self) -> str:
        """The name of the chain: the name of its trainer."""
        return self.trainer.name


def chains() -> list[Chain]:
    """Return three chains: the simplest, the most advanced in pure Python, and the most advanced in compiled code."""
    simplest = [implementations(stage)[0] for stage in ("train", "encode")]
    last = [[most_advanced(stage, compiled=compiled) for stage in ("train", "encode")] for compiled in (False, True)]
    return [Chain(find("count", trainer.counter), trainer, encoder) for trainer, encoder in (simplest, *last)]


def _scan() -> Any:
    scan_ends = SPLITS[PATTERN].scan_ends

    def count_ends(text: Any, classes: Any, specials: Any, ends: Any) -> Int:
        """Return the number of pretokens of valid UTF-8 text, uint8[n]."""
        total = np.int64(0)
        position = np.int64(0)
        while position < len(text):
            stop = next_special(text, position, len(text), specials)
            while position < stop:
                n = scan_ends(text, position, stop, classes, ends)
                total += n
                position = ends[n - 1]
            if stop < len(text):
                position = stop + special_length(special_at(text, stop, len(text), specials), specials)
        return total

    return kernel(count_ends, PATTERN)


COUNT_ENDS = _scan()


def split_only(text: bytes, *, compiled: bool) -> Callable[[], int]:
    """Return a function that splits a text and returns the number of its pretokens."""
    if compiled:
        array, classes = np.frombuffer(text, np.uint8), SPLITS[PATTERN].classes()
        specials = pack_specials(dict.fromkeys(SPECIAL_TOKENS, 0))
        return lambda: int(COUNT_ENDS(array, classes, specials, np.empty(BATCH, np.int64)))
    splitter = Splitter(PATTERN, SPECIAL_TOKENS)
    return lambda: sum(1 for _ in splitter.corpus_pretokens(text.decode()))


def stage_works(chain: Chain, made: Inputs, folder: Path) -> dict[str, Callable[[], Callable[[], Any]]]:
    """Return a dict: stage -> function that prepares the timed call, which has one worker.

    The call of "count" also reads and splits the text.
    """
    text, content = made.text, made.content
    data = text.read(text.start, text.stop)
    ids = made.tokenizer(most_advanced("encode", compiled=True).name).encode_to_array(content)
    output = folder / "ids.bin"
    return {
        "read": lambda: lambda: text.read(text.start, text.stop),
        "split": lambda: split_only(data, compiled=chain.counter.compiled),
        "count": lambda: partial(count, chain.counter, text, 1),
        "merge": lambda: partial(chain.trainer.load(), made.pretokens, n_merges=made.n_merges),
        "encode": lambda: partial(made.tokenizer(chain.encoder.name).encode_to_array, content, workers=1),
        "write": lambda: lambda: output.write_bytes(ids.astype(np.uint16).data),
    }
