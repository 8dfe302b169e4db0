"""What the results of a study say: a table per budget, and a sentence per comparison."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np

from lm.results import Comparison, comparisons
from lm.study.cells import Result
from lm.study.config import Budget, StudyConfig

CONFIDENCE = 0.95
"""That all intervals of a budget and measure hold together."""

HEADINGS = (
    *("tokenizer", "ids", "bytes per token", "parameters", "steps", "tokens", "MB of text", "TFLOPs", "seconds"),
    *("tokens/s", "MB of text/s", "memory, MB", "bits per byte", "HellaSwag"),
)


@dataclass(frozen=True)
class Findings:
    """What was found for one budget.

    Attributes:
        table: a row of texts per tokenizer, in the order of `HEADINGS`.
        comparisons: of every pair of tokenizers.
        failures: a line per cell that failed.
    """

    budget: Budget
    table: list[tuple[str, ...]]
    comparisons: list[Comparison]
    failures: list[str]


def findings(study: StudyConfig, results: Sequence[Result]) -> list[Findings]:
    """Return the findings of each budget.

    With n pairs of tokenizers, each interval holds with the confidence 1 - 0.05 / n, so that all intervals of a
    measure hold together in 19 of 20 studies (Bonferroni).
    """
    return [
        _of_budget(study, budget, [result for result in results if result.budget == budget])
        for budget in study.budgets
    ]


def _of_budget(study: StudyConfig, budget: Budget, results: list[Result]) -> Findings:
    sides = {name: [one for one in results if one.tokenizer == name and one.scores] for name in study.tokenizers}
    done = {name: side for name, side in sides.items() if side}
    pairs = list(combinations(done, 2))
    confidence = 1 - (1 - CONFIDENCE) / max(len(pairs), 1)
    compared = [comparison for a, b in pairs for comparison in _compared(a, b, done, confidence)]
    failed = [f"{one.tokenizer}, seed {one.seed}: {one.failure}" for one in results if one.failure]
    return Findings(budget, [_row(name, side) for name, side in done.items()], compared, failed)


def _compared(a: str, b: str, sides: dict[str, list[Result]], confidence: float) -> Iterator[Comparison]:
    first, second = ([one.scores for one in sides[name] if one.scores] for name in (a, b))
    yield from comparisons(first, second, (a, b), confidence)


def _row(name: str, side: list[Result]) -> tuple[str, ...]:
    facts = [one.facts for one in side]
    mean = {field: float(np.mean([row[field] for row in facts])) for field in facts[0] if field in _NUMBERS}
    scores = [one.scores for one in side if one.scores]
    swag = [score.hellaswag.accuracy_by_characters for score in scores if score.items]
    return (
        name,
        f"{mean['vocabulary']:,.0f}",
        f"{mean['bytes_per_token']:.3f}",
        f"{mean['parameters']:,.0f}",
        f"{mean['steps']:,.0f}",
        f"{mean['tokens']:,.0f}",
        f"{mean['bytes'] / 1e6:.3f}",
        f"{mean['flops'] / 1e12:.3f}",
        f"{mean['seconds']:.1f}",
        f"{mean['tokens_per_second']:,.0f}",
        f"{mean['bytes'] / mean['seconds'] / 1e6:.4f}",
        f"{mean['memory_bytes'] / 1e6:,.0f}",
        spread([score.text.bits_per_byte for score in scores]),
        spread(swag) if swag else "-",
    )


_NUMBERS = (
    *("vocabulary", "bytes_per_token", "parameters", "steps", "tokens", "bytes", "flops", "seconds"),
    *("tokens_per_second", "memory_bytes"),
)


def spread(values: Sequence[float]) -> str:
    """Return the mean of the seeds, and their standard deviation if there are several."""
    told = f"{np.mean(values):.4f}"
    return told if len(values) < 2 else f"{told} ± {np.std(values, ddof=1):.4f}"


def lines(found: Sequence[Findings]) -> Iterator[str]:
    """Yield the findings as text: the tables, the failures, the sentences."""
    for one in found:
        yield ""
        yield f"Every model trained on {one.budget}:"
        rows = [HEADINGS, *one.table]
        widths = [max(len(row[place]) for row in rows) for place in range(len(HEADINGS))]
        for row in rows:
            yield "  ".join(text.rjust(width) for text, width in zip(row, widths, strict=True))
        yield from (f"failed: {failure}" for failure in one.failures)
        yield from (comparison.text for comparison in one.comparisons)
