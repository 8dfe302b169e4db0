"""Tokenizers side by side on one file: sizes, usage, speed, common tokens, and where they disagree most."""

from __future__ import annotations

import heapq
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import combinations

import regex

from impls.errors import UsageError
from impls.inputs.file import TextFile
from impls.inspection.figures.speed import SpeedFigures, speeds
from impls.inspection.figures.usage import UsageFigures, cannot_encode, usage_figures
from impls.inspection.figures.vocabulary import VocabularySizes, vocabulary_sizes
from impls.tokenizer import Tokenizer

PASSAGE = regex.compile(r"\S[^\n]{0,158}\S(?!\S)|\S{1,160}")
"""A part of a line, of at most 160 characters; it ends with a word, unless the word is longer."""

N_PASSAGES = 5
"""Passages that are shown."""

SPEED_BYTES = 4_000_000
"""So much of the file is encoded to measure the speed, at most."""


@dataclass(frozen=True)
class Compared:
    """A tokenizer of the comparison."""

    name: str
    sizes: VocabularySizes
    usage: UsageFigures
    speed: SpeedFigures


@dataclass(frozen=True)
class Overlap:
    """Tokens that two vocabularies have in common, as bytes; special tokens are counted too.

    Attributes:
        first, second: names of the tokenizers.
        n_common: number of common tokens.
        of_first, of_second: the common tokens as a share of each vocabulary.
    """

    first: str
    second: str
    n_common: int
    of_first: float
    of_second: float


@dataclass(frozen=True)
class Disagreement:
    """A passage that takes more tokens with one tokenizer than with another one.

    Attributes:
        text: the passage, encoded by itself.
        tokens: the tokens of each tokenizer, in the order of the comparison.
    """

    text: str
    tokens: tuple[tuple[bytes, ...], ...]


@dataclass(frozen=True)
class ComparisonFigures:
    """Several tokenizers on one file."""

    source: str
    n_bytes: int
    tokenizers: tuple[Compared, ...]
    overlaps: tuple[Overlap, ...]
    disagreements: tuple[Disagreement, ...]


def comparison_figures(tokenizers: Mapping[str, Tokenizer], text: TextFile) -> ComparisonFigures:
    """Compare tokenizers, given by name, on a file.

    Raises:
        FileFormatError: the file cannot be read, is not UTF-8, or cannot be encoded by a tokenizer.
        MergelabError: the ids of a tokenizer do not decode to the text.
    """
    usages = {name: usage_figures(tokenizer, text, name) for name, tokenizer in tokenizers.items()}
    measured = speeds(tokenizers, next(iter(_blocks(text, SPEED_BYTES))).encode())
    return ComparisonFigures(
        source=text.name,
        n_bytes=text.n_bytes,
        tokenizers=tuple(
            Compared(name, vocabulary_sizes(tokenizer.definition), usages[name], measured[name])
            for name, tokenizer in tokenizers.items()
        ),
        overlaps=tuple(overlaps(tokenizers)),
        disagreements=tuple(disagreements(tokenizers, text)),
    )


def overlaps(tokenizers: Mapping[str, Tokenizer]) -> Iterator[Overlap]:
    """Yield the overlap of each pair of vocabularies."""
    tokens = {name: set(tokenizer.vocab.values()) for name, tokenizer in tokenizers.items()}
    for first, second in combinations(tokens, 2):
        n_common = len(tokens[first] & tokens[second])
        yield Overlap(first, second, n_common, n_common / len(tokens[first]), n_common / len(tokens[second]))


def disagreements(tokenizers: Mapping[str, Tokenizer], text: TextFile) -> list[Disagreement]:
    """Return the passages whose numbers of tokens differ most, largest difference first."""
    most: list[tuple[int, int, str]] = []
    place = 0
    for block in _blocks(text):
        passages = list(dict.fromkeys(PASSAGE.findall(block)))
        numbers = [_numbers(name, tokenizer, passages, text) for name, tokenizer in tokenizers.items()]
        for passage, row in zip(passages, zip(*numbers, strict=True), strict=True):
            place -= 1  # Of equal differences, the first one in the file comes first.
            most.append((max(row) - min(row), place, passage))
        most = heapq.nlargest(N_PASSAGES, {item[2]: item for item in reversed(most)}.values())
    return [
        Disagreement(passage, tuple(_tokens(tokenizer, passage) for tokenizer in tokenizers.values()))
        for difference, _, passage in most
        if difference
    ]


def _blocks(text: TextFile, range_bytes: int = 1 << 20) -> Iterator[str]:
    """Yield a file in parts that are cut before white space."""
    for start, stop in text.ranges("gpt2", [], range_bytes):
        yield text.text(start, stop)


def _numbers(name: str, tokenizer: Tokenizer, passages: list[str], text: TextFile) -> list[int]:
    try:
        return [len(ids) for ids in tokenizer.encode_batch(passages)]
    except UsageError as error:
        raise cannot_encode(name, text, error) from None


def _tokens(tokenizer: Tokenizer, passage: str) -> tuple[bytes, ...]:
    return tuple(tokenizer.vocab[token_id] for token_id in tokenizer.encode(passage))
