"""How often a comparison in turns errs, by simulation: on made noise and on real rounds, with a fixed seed."""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from itertools import pairwise

import numpy as np
import pytest
from numpy.random import Generator
from numpy.typing import NDArray

from bench import turns
from bench.record import REFERENCE
from bench.turns import (
    FASTER,
    FEWEST,
    SLOWER,
    UNSEEN,
    Budget,
    Comparison,
    Plan,
    Ratio,
    Side,
    block_ratios,
    compare,
    compared,
    floor_of,
    in_one_process,
    plan_for,
    rank_of,
    ratio_of,
    take_turns,
    timed,
    verdict,
)

RUNS = 500

QUIET = {"spread": 0.01, "spikes": 0.0, "memory": 0.0, "drift": 0.0}
BUSY = {"spread": 0.02, "spikes": 0.03, "memory": 0.5, "drift": 0.4}
MOODS = {"spread": 0.03, "spikes": 0.05, "memory": 0.9, "drift": 0.4}
LOUD = {"spread": 0.05, "spikes": 0.05, "memory": 0.0, "drift": 0.4}

ROUNDS = [
    np.array(case["stats"]["data"])
    for path in sorted(REFERENCE.glob("*/bench/*.json"))
    for case in json.loads(path.read_text(encoding="utf-8"))["benchmarks"]
    if len(case["stats"]["data"]) >= 20
]
"""Seconds of the rounds of each case of the records that has enough of them."""

STEADY = [rounds for rounds in ROUNDS if np.ptp(np.quantile(rounds, [0.25, 0.75])) <= 0.05 * np.median(rounds)]
"""The cases whose quartiles are at most 5 % apart."""


def made(
    random: Generator, n: int, *, spread: float, spikes: float, memory: float, drift: float
) -> NDArray[np.float64]:
    """Return n seconds: lognormal, each like the last one, now and then a spike, on a machine that drifts."""
    fresh = random.standard_normal(n) * math.sqrt(1 - memory**2)
    noise = np.empty(n)
    last = random.standard_normal()
    for i, value in enumerate(fresh):
        noise[i] = last = memory * last + value
    slow = np.where(random.random(n) < spikes, random.exponential(0.5, n), 0)
    wander = drift * (np.linspace(0, 1, n) + np.sin(np.linspace(0, 6 * random.random(), n)))
    return np.asarray(np.exp(spread * noise + slow + wander))


def resampled(random: Generator, n: int, cases: list[NDArray[np.float64]]) -> NDArray[np.float64]:
    """Return n seconds of one real case: runs of 5 rounds in the order in which they were taken."""
    rounds = cases[random.integers(len(cases))]
    starts = random.integers(0, len(rounds) - 4, -(-n // 5))
    return np.concatenate([rounds[start : start + 5] for start in starts])[:n]


def in_turns(seconds: NDArray[np.float64], batches: int, shift: float) -> Comparison:
    """Let these seconds, in the order of time, be the turns in one process; the second side is so much slower."""
    turn = iter(seconds.tolist())
    plan = Plan(batches, len(seconds) // (8 * batches), 1)
    return in_one_process(lambda _: next(turn), lambda _: shift * next(turn), plan)


def in_launches(seconds: NDArray[np.float64], batches: int, shift: float) -> Comparison:
    """Let these seconds be the turns of three processes: the second and the third are so much slower."""
    turn = iter(seconds.tolist())
    plan = Plan(batches, len(seconds) // (6 * batches), 1)
    sides = (lambda _: next(turn), lambda _: shift * next(turn), lambda _: shift * next(turn))
    found = np.concatenate([take_turns(sides, plan, batch) for batch in range(batches)])
    return compared(found[:, :2], found[:, 1:], batches)


Way = Callable[[NDArray[np.float64], int, float], Comparison]

WAYS = [(in_turns, 8, 1), (in_turns, 12, 1), (in_turns, 24, 1), (in_launches, 12, 1), (in_launches, 12, 4)]
"""How turns are taken, in how many batches, of how many times 24 turns."""


def verdicts(found: list[Comparison]) -> dict[str, float]:
    """Return how often each verdict was given."""
    return {word: sum(one.verdict == word for one in found) / len(found) for word in (FASTER, SLOWER, UNSEEN)}


@pytest.mark.parametrize("noise", [QUIET, BUSY, MOODS, LOUD], ids=["quiet", "busy", "moods", "loud"])
@pytest.mark.parametrize(("way", "batches", "blocks"), WAYS)
def test_false_alarms_are_at_most_1_in_100(noise: dict[str, float], way: Way, batches: int, blocks: int) -> None:
    random = np.random.default_rng(1)
    found = [way(made(random, 24 * batches * blocks, **noise), batches, 1) for _ in range(RUNS)]
    assert verdicts(found)[UNSEEN] >= 0.99
    outside = sum(not one.ratio.low <= 1 <= one.ratio.high for one in found) / RUNS
    assert outside <= 0.02, "without the floor too: 1 in 100, and the chance of 500 runs"


@pytest.mark.parametrize(("way", "batches", "blocks"), WAYS)
def test_real_rounds_raise_no_false_alarms(way: Way, batches: int, blocks: int) -> None:
    random = np.random.default_rng(2)
    found = [way(resampled(random, 24 * batches * blocks, ROUNDS), batches, 1) for _ in range(RUNS)]
    assert verdicts(found)[UNSEEN] >= 0.99


@pytest.mark.parametrize(
    ("noise", "way", "batches", "turns"),
    [(QUIET, in_turns, 8, 32), (BUSY, in_turns, 24, 64), (MOODS, in_turns, 24, 64), (BUSY, in_launches, 12, 96)],
    ids=["quiet", "busy", "moods", "launches"],
)
@pytest.mark.parametrize(("shift", "word"), [(1.02, SLOWER), (1 / 1.02, FASTER)])
def test_two_percent_are_seen(
    noise: dict[str, float], way: Way, batches: int, turns: int, shift: float, word: str
) -> None:
    random = np.random.default_rng(3)
    found = [way(made(random, batches * turns, **noise), batches, shift) for _ in range(100)]
    assert verdicts(found)[word] >= 0.95


@pytest.mark.parametrize(("cases", "least"), [(STEADY, 0.95), (ROUNDS, 0.75)], ids=["steady", "all"])
def test_two_percent_are_seen_in_real_rounds(cases: list[NDArray[np.float64]], least: float) -> None:
    random = np.random.default_rng(4)
    found = [in_turns(resampled(random, 8 * 12 * 40, cases), 24, 1.02) for _ in range(200)]
    assert verdicts(found)[SLOWER] >= least
    assert verdicts(found)[FASTER] == 0


def test_where_noise_hides_a_shift_none_is_claimed() -> None:
    random = np.random.default_rng(5)
    found = [in_turns(made(random, 8 * 12, **{**LOUD, "spread": 0.3}), 12, 1.02) for _ in range(RUNS)]
    assert verdicts(found)[UNSEEN] >= 0.99


def test_a_side_that_processes_favour_by_chance_raises_no_alarm() -> None:
    """A process has its own luck (layout, hash seed): its many turns must not count as many witnesses."""
    random = np.random.default_rng(6)

    def launches() -> Comparison:
        noise, luck = 0.002 * random.standard_normal((12, 40, 3)), 0.02 * random.standard_normal((12, 1, 3))
        seconds = np.exp(noise + luck).reshape(-1, 3)
        return compared(seconds[:, :2], seconds[:, 1:], 12)

    assert verdicts([launches() for _ in range(RUNS)])[UNSEEN] >= 0.99


def test_a_steady_drift_cancels() -> None:
    pairs = np.exp(np.linspace(0, 3, 32)).reshape(-1, 2)
    pairs[1::2] = pairs[1::2, ::-1]
    assert block_ratios(pairs) == pytest.approx(np.zeros(8))


def test_sides_take_turns_a_b_b_a() -> None:
    log: list[tuple[str, int]] = []

    def side(name: str) -> Side:
        def seconds(calls: int) -> float:
            log.append((name, calls))
            return float(len(log))

        return seconds

    pairs = take_turns((side("A"), side("B")), Plan(8, 2, 3), 0)
    assert "".join(name for name, _ in log) == "ABBABAAB"
    assert {calls for _, calls in log} == {3}
    assert pairs.tolist() == [[1, 2], [4, 3], [6, 5], [7, 8]]
    log.clear()
    assert take_turns((side("A"), side("B")), Plan(8, 1, 3), 1).tolist() == [[2, 1], [3, 4]]
    log.clear()
    take_turns((side("A"), side("B"), side("C")), Plan(8, 3, 1), 0)
    assert "".join(name for name, _ in log) == "ABCCBABCAACBCABBAC"


def test_whoever_begins_has_no_disadvantage(monkeypatch: pytest.MonkeyPatch) -> None:
    """The first turn of a batch finds cold caches: that makes the interval wider, and no difference."""
    sides = Sides(0.001, monkeypatch)
    late = [0.0]

    def cold(side: Side) -> Side:
        def turn(calls: int) -> float:
            seconds = side(calls) * (1.5 if late[0] % 4 == 0 else 1)
            late[0] += 1
            return seconds

        return turn

    plan = Plan(FEWEST, 1, 1)
    first, second = cold(sides.side(0.01)), cold(sides.side(0.01))
    ratio = ratio_of(np.concatenate([take_turns((first, second), plan, i) for i in range(FEWEST)]), FEWEST)
    assert ratio.low < 1 < ratio.high


@pytest.mark.parametrize(("n", "rank"), [(0, 0), (1, 0), (7, 0), (8, 1), (11, 1), (12, 2), (20, 4), (100, 37)])
def test_the_interval_is_that_of_coins(n: int, rank: int) -> None:
    """The ranks of the 99 % interval of a median, as tables of order statistics have them."""
    assert rank_of(n) == rank
    tails = [sum(math.comb(n, k) for k in range(r)) * 2 / 2**n for r in (rank, rank + 1)]
    assert tails[0] <= 0.01 < tails[1]


def test_with_few_batches_nothing_is_claimed() -> None:
    pairs = np.tile([1.0, 2.0], (2 * (FEWEST - 1), 1))
    ratio = ratio_of(pairs, FEWEST - 1)
    assert (ratio.median, ratio.low, ratio.high) == (pytest.approx(2), 0, math.inf)
    assert verdict(ratio, 1.0) == UNSEEN
    assert floor_of(ratio) == math.inf


@pytest.mark.parametrize(
    ("ratio", "floor", "word"),
    [
        (Ratio(1.05, 1.01, 1.09), 1.02, SLOWER),
        (Ratio(1.05, 0.99, 1.09), 1.02, UNSEEN),
        (Ratio(1.05, 1.01, 1.09), 1.06, UNSEEN),
        (Ratio(0.95, 0.91, 0.99), 1.02, FASTER),
        (Ratio(0.95, 0.91, 1.01), 1.02, UNSEEN),
        (Ratio(0.95, 0.91, 0.99), 1.06, UNSEEN),
    ],
)
def test_a_verdict_needs_the_interval_and_the_floor(ratio: Ratio, floor: float, word: str) -> None:
    assert verdict(ratio, floor) == word


def test_a_floor_is_the_farther_end() -> None:
    assert floor_of(Ratio(1, 0.9, 1.05)) == pytest.approx(1 / 0.9)
    assert floor_of(Ratio(1, 0.99, 1.05)) == 1.05


class Sides:
    """Sides with noise whose clock is the calls that they made."""

    def __init__(self, noise: float, monkeypatch: pytest.MonkeyPatch) -> None:
        self.now, self.noise, self.random = 0.0, noise, np.random.default_rng(7)
        monkeypatch.setattr(turns, "perf_counter", lambda: self.now)

    def side(self, call: float) -> Side:
        def turn(calls: int) -> float:
            self.now += calls * call
            return call * float(np.exp(self.noise * self.random.standard_normal()))

        return turn


@pytest.mark.parametrize(
    ("call", "noise", "seconds", "batches", "blocks", "calls"),
    [
        pytest.param(0.001, 0.0, 10, FEWEST, 1, 10, id="without noise the fewest are enough"),
        pytest.param(2.0, 0.0, 1, FEWEST, 1, 1, id="never fewer, however slow"),
        pytest.param(1e-6, 0.0, 10, FEWEST, 1, 10_000, id="a short call is repeated"),
        pytest.param(0.02, 0.3, 30, 24, 8, 1, id="noise takes all the time"),
        pytest.param(0.2, 0.3, 30, 12, 2, 1, id="a slow call has fewer batches"),
    ],
)
def test_the_number_of_turns_is_planned(
    monkeypatch: pytest.MonkeyPatch, call: float, noise: float, seconds: int, batches: int, blocks: int, calls: int
) -> None:
    side = Sides(noise, monkeypatch).side(call)
    planned = plan_for((side, side), Budget(seconds), 8)
    assert (planned.batches, planned.blocks) == (batches, blocks)
    assert calls <= planned.calls <= calls * (1 if not noise else 2)


@pytest.mark.parametrize("seconds", [10, 30, 100])
def test_the_time_is_kept_under_noise(monkeypatch: pytest.MonkeyPatch, seconds: int) -> None:
    sides = Sides(0.5, monkeypatch)
    compare(sides.side(0.01), sides.side(0.01), Budget(seconds))
    assert 0.7 * seconds <= sides.now <= 1.4 * seconds


def test_each_call_is_set_up_again() -> None:
    made_for: list[int] = []

    def setup() -> tuple[int]:
        made_for.append(1)
        return (len(made_for),)

    seen: list[int] = []
    assert timed(seen.append, setup)(3) >= 0
    assert seen == [1, 2, 3]


def test_a_slower_side_is_found() -> None:
    random = np.random.default_rng(7)
    sides = [
        lambda calls, f=factor: f * calls * float(np.exp(0.01 * random.standard_normal())) for factor in (1, 1.1)
    ]
    found = compare(sides[0], sides[1], Budget(4000.0))
    assert found.verdict == SLOWER
    assert found.ratio.median == pytest.approx(1.1, rel=0.01)
    assert found.floor < 1.02


def test_batches_are_neighbours_in_time() -> None:
    """One batch that is wrong as a whole moves no end of the interval beyond the other batches."""
    pairs = np.ones((2 * 12 * 5, 2))
    pairs[:10, 1] = 9
    ratio = ratio_of(pairs, 12)
    assert (ratio.low, ratio.median, ratio.high) == (1, 1, 1)
    assert all(first <= second for first, second in pairwise([ratio.low, ratio.median, ratio.high]))
