"""Questions to encoders: which ids has a text, encoded alone, and as two halves in one batch?"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from random import Random
from typing import Any, NamedTuple

import numpy as np

from bench import PATTERN, SPECIAL_TOKENS
from bench.fuzz import vocabularies
from bench.fuzz.scans import split
from bench.inputs import Inputs
from bench.trial.difference import Difference, around, whole_characters
from bench.trial.question import Question
from impls.contract import Ids, Pretokens
from impls.definition import Definition
from impls.registry import Impl, most_advanced


class Encoded(NamedTuple):
    """The ids of bytes `start` to `stop` of the text; `call` says in words whether they were encoded in a batch."""

    start: int
    stop: int
    call: str
    ids: Ids


def array(ids: Any) -> Ids:
    """Return ids if they are an array.

    Raises:
        TypeError: `ids` is not an array.
    """
    if not isinstance(ids, np.ndarray):
        raise TypeError(f"an encoder returns arrays, not {type(ids).__name__}")
    return ids


@dataclass(frozen=True)
class Encoding(Question):
    """A text, and the tokenizer that encodes it."""

    definition: Definition

    def answer(self, impl: Impl) -> list[Encoded]:
        """Return the ids of the text, and of its two halves in a batch."""
        encoder = impl.load()(self.definition.vocabulary, self.definition.pattern)
        half = whole_characters(self.content, len(self.content) // 2)
        parts = [(0, half), (half, len(self.content))]
        whole = Encoded(0, len(self.content), "", array(encoder.encode(self.content)))
        ids, offsets = encoder.encode_batch([self.content[start:stop] for start, stop in parts])
        batch = [array(ids)[start:stop] for start, stop in pairwise(offsets)]
        halves = (Encoded(*part, " of encode_batch", one) for part, one in zip(parts, batch, strict=True))
        return [whole, *halves]

    def first_difference(self, expected: list[Encoded], found: list[Encoded]) -> Difference | None:
        """Return the first id that differs."""
        for one, other in zip(expected, found, strict=True):
            if other.ids.dtype != one.ids.dtype:
                return Difference(f"the type of the array{one.call}", str(one.ids.dtype), str(other.ids.dtype))
            if one.ids.tolist() != other.ids.tolist():
                return self._at_first(one, other.ids.tolist())
        return None

    def _at_first(self, one: Encoded, found: list[int]) -> Difference:
        expected = one.ids.tolist()
        pairs = zip(expected, found, strict=False)
        ends = min(len(expected), len(found))
        index = next((index for index, (left, right) in enumerate(pairs) if left != right), ends)
        start = one.start + sum(len(self._token(token)) for token in expected[:index])
        stop = start + len(self._token(expected[index])) if index < len(expected) else start
        place = f"id {index}{one.call}, byte {start} of the text"
        values = (self._told(expected, index), self._told(found, index))
        return Difference(place, *values, around(self.content, start, stop))

    def _token(self, token: int) -> bytes:
        return self.definition.vocab.get(token, b"")

    def _told(self, ids: list[int], index: int) -> str:
        if index == len(ids):
            return f"nothing: it ends after {index} ids"
        token = self._token(ids[index])
        return f"id {ids[index]}, {token!r}" if token else f"id {ids[index]}, which no token has"


def real(name: str, inputs: Inputs, too_slow: frozenset[str]) -> list[Encoding]:
    """Return a question about the text of a workload, for a tokenizer that was trained on this text."""
    return [Encoding(name, inputs.content.encode(), too_slow, inputs.definition)]


def hostile(name: str, content: bytes) -> list[Encoding]:
    """Return a question about a hostile text, for a tokenizer that was trained on a small part of this text."""
    counts = split(content[:500].decode("utf-8", "ignore"), PATTERN)
    merges = most_advanced("train", compiled=False).load()(Pretokens.from_mapping(counts), n_merges=40)
    return [Encoding(name, content, frozenset(), Definition.of_training(merges, SPECIAL_TOKENS, PATTERN))]


def random(name: str, random: Random) -> list[Encoding]:
    """Return a question about a random text, for a tokenizer with an odd vocabulary."""
    case = vocabularies.make(random)
    return [Encoding(name, case.content, frozenset(), vocabularies.definition_of(case.parameters))]
