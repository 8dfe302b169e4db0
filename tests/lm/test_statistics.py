"""Intervals hold what they promise in simulated studies; McNemar's test and Student's t have known values."""

import math

import numpy as np
import pytest

from lm.statistics import Difference, compare, mcnemar, sentence, student_quantile, welch

DOCUMENTS, SEEDS = 120, 3


def study(generator: np.random.Generator, effect: float = 0.0, seeds: int = SEEDS) -> tuple[np.ndarray, ...]:
    """Nats of two sides and the weights of documents; every document, every seed and every pair of them deviates."""
    n_bytes = generator.integers(200, 3000, DOCUMENTS).astype(float)
    document = generator.normal(1.0, 0.2, DOCUMENTS)

    def side(shift: float) -> np.ndarray:
        seed = generator.normal(0.0, 0.01, (seeds, 1))
        both = generator.normal(0.0, 0.03, (seeds, DOCUMENTS))
        own = generator.normal(0.0, 0.01, DOCUMENTS) if shift else 0.0  # The tokenizer suits some documents better.
        return (document + seed + both + own + shift) * n_bytes * math.log(2)

    return side(0.0), side(effect), n_bytes * math.log(2)


@pytest.mark.slow
@pytest.mark.parametrize("seeds", [2, 3])
def test_two_copies_of_one_tokenizer_are_inconclusive(seeds: int) -> None:
    generator = np.random.default_rng(seeds)
    found = [compare(*study(generator, seeds=seeds), seed=number) for number in range(100)]
    assert sum(not difference.conclusive for difference in found) >= 95


@pytest.mark.slow
def test_the_interval_holds_the_true_difference_and_a_large_one_is_found() -> None:
    generator = np.random.default_rng(7)
    found = [compare(*study(generator, effect=0.08), seed=number) for number in range(100)]
    assert sum(difference.low <= 0.08 <= difference.high for difference in found) >= 95
    assert sum(difference.conclusive for difference in found) >= 95


def test_documents_alone_would_call_copies_different() -> None:
    # The second level is needed: without it, most of these studies would be wrong.
    generator = np.random.default_rng(1)
    wrong = 0
    for _ in range(40):
        a, b, weights = study(generator)
        wrong += compare(a[:1], b[:1], weights).conclusive
    assert wrong > 15


def test_sides_are_paired_by_document() -> None:
    generator = np.random.default_rng(2)
    weights = generator.integers(100, 10_000, 50).astype(float)
    a = generator.normal(2.0, 1.0, (1, 50)) * weights
    difference = compare(a, a + 0.01 * weights, weights)
    assert (difference.low, difference.value, difference.high) == pytest.approx((0.01, 0.01, 0.01))
    assert difference.conclusive
    assert difference.floor is None


def test_the_means_are_ratios_of_sums_and_the_floor_is_welchs() -> None:
    a, b = np.array([[1.0, 5.0], [3.0, 3.0]]), np.array([[2.0, 6.0], [6.0, 6.0], [4.0, 6.0]])
    difference = compare(a, b, np.array([1.0, 3.0]))
    assert difference.means == pytest.approx((1.5, 2.5))
    error, freedom = welch(np.array([1.5, 1.5]), np.array([2.0, 3.0, 2.5]))
    assert (error, freedom) == pytest.approx((math.sqrt(0.25 / 3), 2.0))
    assert difference.floor == pytest.approx(4.3027 * error, rel=1e-4)
    assert (difference.n_units, difference.n_seeds) == (2, (2, 3))


def test_the_same_seed_gives_the_same_interval() -> None:
    data = study(np.random.default_rng(3))
    assert compare(*data) == compare(*data)
    assert compare(*data) != compare(*data, seed=1)
    assert compare(*data, confidence=0.99).high > compare(*data).high


@pytest.mark.parametrize(
    ("share", "freedom", "expected"),
    [(0.975, 1, 12.7062), (0.975, 2, 4.30265), (0.975, 4, 2.77645), (0.8, 10, 0.87906), (0.975, 1000, 1.96234)],
)
def test_students_t_has_the_values_of_its_tables(share: float, freedom: float, expected: float) -> None:
    assert student_quantile(share, freedom) == pytest.approx(expected, rel=1e-4)
    assert student_quantile(1 - share, freedom) == pytest.approx(-expected, rel=1e-4)


@pytest.mark.parametrize(
    ("only_a", "only_b", "p"),
    [(0, 0, 1.0), (0, 5, 0.0625), (1, 9, 22 / 1024), (6, 6, 1.0), (1000, 1200, math.erfc(199 / math.sqrt(2 * 2200)))],
)
def test_mcnemar_counts_what_one_side_alone_got_right(only_a: int, only_b: int, p: float) -> None:
    a = np.array([True] * only_a + [False] * only_b + [True, False] * 20)
    b = np.array([False] * only_a + [True] * only_b + [True, False] * 20)
    found = mcnemar(a, b)
    assert (found.only_a, found.only_b) == (only_a, only_b)
    assert found.p == pytest.approx(p, rel=0.03)


def test_the_seeds_that_the_power_line_names_do_settle_it() -> None:
    generator = np.random.default_rng(11)
    a, b, weights = study(generator, effect=0.015)
    needed = compare(a, b, weights).seeds_needed
    assert needed is not None
    effect = compare(a, b, weights).value
    found = sum(compare(*study(generator, effect, needed)).conclusive for _ in range(20))
    assert found >= 11
    few = sum(compare(*study(generator, effect, 2)).conclusive for _ in range(20))
    assert few < found


def difference(low: float, high: float, floor: float | None, needed: int | None = 7) -> Difference:
    middle = (low + high) / 2
    return Difference((1.0, 1.0 + middle), low, high, 0.95, floor, 10, (3, 3), needed)


@pytest.mark.parametrize(
    ("found", "end"),
    [
        (difference(-0.2, -0.1, 0.01), "seeds alone ±0.0100: b is better."),
        (difference(0.1, 0.2, 0.01), ": a is better."),
        (difference(0.1, 0.2, None), "one seed: a is better, as far as these two models go."),
        (
            difference(-0.1, 0.2, 0.1),
            "inconclusive. 7 seeds per side would settle a difference of this size, 4 times out of 5.",
        ),
        (difference(-0.1, 0.2, None), "inconclusive. Train each side with several seeds."),
        (difference(-0.1, 0.2, 0.1, None), "would settle a difference of this size; score more text."),
    ],
)
def test_a_sentence_says_who_is_better_or_inconclusive(found: Difference, end: str) -> None:
    told = sentence(("a", "b"), found, "bits per byte", lower_is_better=True)
    assert told.startswith("b against a: ")
    assert told.endswith(end)
    assert ("better" in told) == found.conclusive
