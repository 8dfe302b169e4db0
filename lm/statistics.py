"""Whether two models, or two tokenizers, differ: intervals over documents and seeds, and McNemar's test for items.

Documents are drawn again by a paired bootstrap (Efron and Tibshirani 1993, chapter 16): both sides get the same
documents. Seeds are the second level. Two or three seeds are too few to be drawn again: the interval would be too
narrow. So the second level is drawn from Student's t with Welch's degrees of freedom (Welch 1947).
"""

from __future__ import annotations

import math
from bisect import bisect_left
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Values = NDArray[np.float64]

REPLICATES = 4_000
"""How often documents are drawn again."""

POWER = 0.8
"""Probability with which the seeds of `Difference.seeds_needed` would settle a difference of the measured size."""

MOST_SEEDS = 1000
"""More seeds are not considered."""


@dataclass(frozen=True)
class Difference:
    """Side b less side a.

    Attributes:
        means: the score of a and of b, averaged over seeds.
        low, high: the interval of the difference.
        confidence: the share of intervals that hold the true difference, from 0 to 1.
        floor: half of the interval that the spread between seeds alone gives; None if a side has one seed. Without a
            floor, the interval is about these two models, and not about their tokenizers.
        n_units: number of documents or items.
        n_seeds: number of seeds of a and of b.
        seeds_needed: seeds per side that would settle a difference of this size; None if documents are too few for
            any number of seeds, or if there is no floor.
    """

    means: tuple[float, float]
    low: float
    high: float
    confidence: float
    floor: float | None
    n_units: int
    n_seeds: tuple[int, int]
    seeds_needed: int | None

    @property
    def value(self) -> float:
        """The difference itself."""
        return self.means[1] - self.means[0]

    @property
    def conclusive(self) -> bool:
        """Whether the interval leaves zero out."""
        return not self.low <= 0 <= self.high


def compare(a: Values, b: Values, weights: Values, *, confidence: float = 0.95, seed: int = 0) -> Difference:
    """Compare the scores of two sides on the same documents or items.

    Args:
        a, b: float64[seeds, units] each: what every unit cost or won, such as the nats of a document.
        weights: float64[units]: what the sum of a side is divided by, such as the bytes of a document times ln 2.
        confidence: of the interval.
        seed: of the bootstrap.
    """
    generator, total = np.random.default_rng(seed), weights.sum()
    by_seed = a.sum(1) / total, b.sum(1) / total
    units = _drawn_again(b.mean(0) - a.mean(0), weights, generator)
    spread, freedom = welch(*by_seed)
    has_floor = min(len(a), len(b)) > 1
    drawn = units + spread * generator.standard_t(freedom, REPLICATES) if has_floor else units
    low, high = np.quantile(drawn, [(1 - confidence) / 2, (1 + confidence) / 2])
    floor = spread * student_quantile((1 + confidence) / 2, freedom) if has_floor else None
    means = float(by_seed[0].mean()), float(by_seed[1].mean())
    needed = _seeds_needed(abs(means[1] - means[0]), by_seed, float(units.var()), confidence) if has_floor else None
    return Difference(means, float(low), float(high), confidence, floor, len(weights), (len(a), len(b)), needed)


def _drawn_again(differences: Values, weights: Values, generator: np.random.Generator) -> Values:
    """Return the difference of the two sides for `REPLICATES` draws of units, float64[REPLICATES]."""
    n = len(weights)
    rows = max(1, (1 << 22) // n)  # So many draws at once take 32 MB.
    made = []
    for first in range(0, REPLICATES, rows):
        counts = generator.multinomial(n, np.full(n, 1 / n), min(rows, REPLICATES - first)).astype(np.float64)
        made.append((counts @ differences) / (counts @ weights))
    return np.concatenate(made)


def welch(a: Values, b: Values) -> tuple[float, float]:
    """Return the standard error of the difference of two means, and Welch's degrees of freedom.

    Args:
        a, b: float64[seeds]: the score of each seed. With one seed, or without any spread, the error is 0.
    """
    parts = [(values.var(ddof=1) / len(values), len(values) - 1) for values in (a, b) if len(values) > 1]
    total = float(sum(part for part, _ in parts))
    if not total:
        return 0.0, 1.0
    return math.sqrt(total), total**2 / float(sum(part**2 / n for part, n in parts))


def _seeds_needed(size: float, by_seed: tuple[Values, Values], unit_variance: float, confidence: float) -> int | None:
    variances = by_seed[0].var(ddof=1) + by_seed[1].var(ddof=1)

    def settles(n: int) -> bool:
        wanted = sum(student_quantile(share, 2 * n - 2) for share in ((1 + confidence) / 2, POWER))
        return bool(wanted * math.sqrt(variances / n + unit_variance) <= size)

    enough = bisect_left(range(2, MOST_SEEDS + 1), True, key=settles) + 2
    return enough if enough <= MOST_SEEDS else None


def student_quantile(share: float, freedom: float) -> float:
    """Return the value below which Student's t lies with the probability `share`.

    With t = sqrt(freedom) * tan(angle), the density of the angle is cos(angle) ** (freedom - 1), up to a factor.
    """
    angles = np.linspace(-np.pi / 2, np.pi / 2, 20_001)
    density = np.cos(angles).clip(0) ** (freedom - 1)
    mass = np.concatenate([[0.0], ((density[1:] + density[:-1]) / 2).cumsum()])
    return math.sqrt(freedom) * math.tan(float(np.interp(share, mass / mass[-1], angles)))


@dataclass(frozen=True)
class McNemar:
    """McNemar's exact test (McNemar 1947): of the items that one side alone got right, how many are whose?

    Attributes:
        only_a, only_b: items that a alone, and that b alone got right.
        p: probability of a split at least this uneven between equally good sides.
    """

    only_a: int
    only_b: int
    p: float


def mcnemar(a: NDArray[np.bool_], b: NDArray[np.bool_]) -> McNemar:
    """Compare two models on the same items; a and b, bool[items], tell which items each model got right."""
    only_a, only_b = int((a & ~b).sum()), int((b & ~a).sum())
    n, term, total = only_a + only_b, 1, 0
    for k in range(min(only_a, only_b) + 1):
        total += term
        term = term * (n - k) // (k + 1)
    return McNemar(only_a, only_b, min(1.0, 2 * total / (1 << n)))


def sentence(names: tuple[str, str], difference: Difference, unit: str, *, lower_is_better: bool) -> str:
    """Return a sentence on a difference; it says "inconclusive" where the interval holds zero.

    Args:
        names: the names of a and b.
        difference: of b and a.
        unit: of the score, such as "bits per byte".
        lower_is_better: whether the lower score is the better one.
    """
    a, b = names
    first, second = difference.means
    told = (
        f"{b} against {a}: {second:.4f} and {first:.4f} {unit}, a difference of {difference.value:+.4f}, "
        f"{difference.confidence * 100:.3g} % interval {difference.low:+.4f} to {difference.high:+.4f}"
    )
    if difference.floor is None:
        told += " over documents or items alone, since there is one seed"
    else:
        told += f", seeds alone ±{difference.floor:.4f}"
    if difference.conclusive:
        better = b if (difference.value < 0) == lower_is_better else a
        limits = "" if difference.floor is not None else ", as far as these two models go"
        return f"{told}: {better} is better{limits}."
    return f"{told}: inconclusive. {_power(difference)}"


def _power(difference: Difference) -> str:
    if difference.floor is None:
        return "Train each side with several seeds."
    if difference.seeds_needed is None:
        return f"No number of seeds up to {MOST_SEEDS} would settle a difference of this size; score more text."
    return f"{difference.seeds_needed} seeds per side would settle a difference of this size, 4 times out of 5."
