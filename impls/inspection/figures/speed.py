"""How fast tokenizers encode a text: each is proven to give the text back, then they take turns."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from time import perf_counter

import numpy as np

from impls.errors import MergelabError
from impls.registry import most_advanced
from impls.tokenizer import Tokenizer

LEAST_ROUNDS, MOST_ROUNDS = 5, 25

SECONDS = 1.0
"""For all turns of a tokenizer, about."""

TURN_SECONDS = 0.02
"""A turn takes at least so long: a short text is encoded several times, and the fastest time counts, since a
disturbance only makes a call slower (Chen and Revels 2016, https://arxiv.org/abs/1608.04295)."""


@dataclass(frozen=True)
class SpeedFigures:
    """The speed of encoding a text in memory, after the tokenizer has encoded the same text before.

    Attributes:
        n_bytes: size of the text.
        n_rounds: number of turns.
        median: MB (10**6 bytes) per second in the median turn.
        low, high: the same in the lower and in the upper quartile.
    """

    n_bytes: int
    n_rounds: int
    median: float
    low: float
    high: float


def speeds(tokenizers: Mapping[str, Tokenizer], content: bytes) -> dict[str, SpeedFigures]:
    """Measure how fast tokenizers, given by name, encode UTF-8 text; returns a dict with the same names.

    All of them use the last compiled encoder of the registry.

    Raises:
        MergelabError: the ids of a tokenizer do not decode to the text.
    """
    impl = most_advanced("encode", compiled=True).name
    tokenizers = {name: Tokenizer.from_definition(it.definition, impl=impl) for name, it in tokenizers.items()}
    for name, tokenizer in tokenizers.items():
        if tokenizer.decode_bytes(tokenizer.encode_to_array(content)) != content:
            raise MergelabError(f"{name}: the ids of a text do not decode to this text; load a lossless tokenizer")
    slowest = max(_turn(tokenizer, content, 3) for tokenizer in tokenizers.values())
    n_calls = math.ceil(TURN_SECONDS / slowest)
    n_rounds = int(min(MOST_ROUNDS, max(LEAST_ROUNDS, SECONDS / (n_calls * slowest))))
    samples: dict[str, list[float]] = {name: [] for name in tokenizers}
    for number in range(n_rounds):
        # Forth and back, so that a drift of the machine meets all alike.
        for name in list(tokenizers)[:: -1 if number % 2 else 1]:
            samples[name].append(_turn(tokenizers[name], content, n_calls))
    return {name: _figures(seconds, len(content)) for name, seconds in samples.items()}


def _turn(tokenizer: Tokenizer, content: bytes, n_calls: int) -> float:
    """Return the seconds of the fastest of several calls."""
    seconds = []
    for _ in range(n_calls):
        started = perf_counter()
        tokenizer.encode_to_array(content)
        seconds.append(perf_counter() - started)
    return max(min(seconds), 1e-9)


def _figures(seconds: list[float], n_bytes: int) -> SpeedFigures:
    low, median, high = np.quantile(n_bytes / 1e6 / np.array(seconds), [0.25, 0.5, 0.75]).tolist()
    return SpeedFigures(n_bytes, len(seconds), median, low, high)
