"""The scores of a model as rows and lines, and the comparison of two models on the same documents or items."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, field
from functools import cached_property
from typing import Any

import numpy as np

from impls.errors import UsageError
from lm.evaluate import DocumentScore, TextScore, Windows
from lm.hellaswag import HellaSwagScore, ItemScore
from lm.statistics import Difference, McNemar, compare, mcnemar, sentence

Row = dict[str, Any]


@dataclass(frozen=True)
class Scores:
    """The scores of one model.

    Attributes:
        name: the run.
        windows: how long documents were cut.
        documents, items: the scores of each; empty if none were scored.
    """

    name: str
    windows: Windows
    documents: list[DocumentScore] = field(default_factory=list)
    items: list[ItemScore] = field(default_factory=list)

    @cached_property
    def text(self) -> TextScore:
        """The sum over the documents."""
        return TextScore.of(self.documents)

    @cached_property
    def hellaswag(self) -> HellaSwagScore:
        """The shares over the items."""
        return HellaSwagScore.of(self.items)

    def rows(self) -> Iterator[Row]:
        """Yield a row per document, a row per item, and a row with the sums."""
        yield from ({"kind": "document", "run": self.name, **asdict(score)} for score in self.documents)
        for item in self.items:
            right = dict(zip(("right", "right_by_characters", "right_by_tokens"), item.right(), strict=True))
            yield {"kind": "item", "run": self.name, **asdict(item), **right}
        yield {"kind": "run", "run": self.name, **self.sums()}

    def sums(self) -> Row:
        """Return the sums as plain values."""
        row: Row = {"windows": asdict(self.windows)}
        if self.documents:
            shares = {"loss": self.text.loss, "bits_per_byte": self.text.bits_per_byte}
            row |= asdict(self.text) | shares | {"special_bits_per_byte": self.text.special_bits_per_byte}
        if self.items:
            row |= asdict(self.hellaswag)
        return row

    def lines(self) -> Iterator[str]:
        """Yield the sums in words."""
        if self.documents:
            text = self.text
            yield (
                f"{self.name}: {text.bits_per_byte:.4f} bits per byte, {text.special_bits_per_byte:.4f} of it for "
                f"special tokens and the ends of documents; {text.n_documents} documents, {text.n_bytes} bytes; "
                f"loss {text.loss:.4f} nats per token, perplexity {text.perplexity:.3f}, {text.n_tokens} tokens; "
                f"{self.windows}"
            )
        if self.items:
            score = self.hellaswag
            yield (
                f"{self.name}: HellaSwag: {score.n_items} items; right by log-likelihood {score.accuracy:.4f}, per "
                f"character {score.accuracy_by_characters:.4f}, per token {score.accuracy_by_tokens:.4f} (the last "
                "one is not comparable between tokenizers)"
            )


@dataclass(frozen=True)
class Comparison:
    """What the scores of two sides say.

    Attributes:
        measure: "bits per byte" or "HellaSwag".
        names: of the two sides.
        items: of HellaSwag, McNemar's test for the first model of each side; otherwise None.
    """

    measure: str
    names: tuple[str, str]
    difference: Difference
    items: McNemar | None = None

    @property
    def text(self) -> str:
        """A sentence."""
        if self.items is None:
            return sentence(self.names, self.difference, "bits per byte", lower_is_better=True)
        told = sentence(self.names, self.difference, "of the items of HellaSwag right", lower_is_better=False)
        (a, b), test = self.names, self.items
        return f"{told} {test.only_a} items only {a} has right, {test.only_b} only {b}: McNemar's p is {test.p:.3g}."

    def row(self) -> Row:
        """Return plain values."""
        difference = self.difference
        facts = asdict(difference) | {"difference": difference.value, "conclusive": difference.conclusive}
        test = asdict(self.items) if self.items else None
        return (
            {"kind": "comparison", "measure": self.measure, "a": self.names[0], "b": self.names[1]}
            | facts
            | {
                "mcnemar": test,
                "sentence": self.text,
            }
        )


def comparisons(
    a: Sequence[Scores], b: Sequence[Scores], names: tuple[str, str] | None = None, confidence: float = 0.95
) -> Iterator[Comparison]:
    """Compare two sides on the documents and on the items that both have scored.

    Args:
        a, b: the scores of one or more seeds of each side.
        names: of the sides; those of the first models by default.
        confidence: of the intervals.

    Raises:
        UsageError: the two sides have scored different documents or items.
    """
    names, both = names or (a[0].name, b[0].name), (*a, *b)
    if all(scores.documents for scores in both):
        _check_same([[(one.number, one.n_bytes) for one in scores.documents] for scores in both], "documents", names)
        weights = np.array([one.n_bytes * math.log(2) for one in a[0].documents])
        nats = [np.array([[one.nats for one in scores.documents] for scores in side]) for side in (a, b)]
        yield Comparison("bits per byte", names, compare(nats[0], nats[1], weights, confidence=confidence))
    if all(scores.items for scores in both):
        _check_same([[one.number for one in scores.items] for scores in both], "items", names)
        right = [np.array([[one.right()[1] for one in scores.items] for scores in side]) for side in (a, b)]
        found = compare(right[0] * 1.0, right[1] * 1.0, np.ones(right[0].shape[1]), confidence=confidence)
        yield Comparison("HellaSwag", names, found, mcnemar(right[0][0], right[1][0]))


def _check_same(units: list[list[Any]], kind: str, names: tuple[str, str]) -> None:
    if any(other != units[0] for other in units[1:]):
        raise UsageError(f"{names[0]} and {names[1]}: were scored on different {kind}; score both again on the same")
