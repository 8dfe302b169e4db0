"""Sides in turns, A B B A, until enough is seen: then a ratio with an interval, a floor, and a verdict.

Machines drift and pause. In a block A B B A, both sides have the same mean position in time, so a steady drift
cancels. A block gives one ratio. Neighbours in time err together, so neighbouring blocks form a batch, and only the
median of a batch counts: a few slow turns do not move it. The interval is made of the medians of the batches by
counting. All of 8 batches lie above the true ratio, or all below it, as often as 8 coins fall on one side: 2 times in
256. This assumes that batches err independently, and upwards as often as downwards. It assumes no distribution.
A short call is made several times in a turn, and the fastest one counts: what disturbs a call only makes it slower.

Sources: the interval of a median from order statistics: Conover, Practical Nonparametric Statistics, 3.2. Batches
against autocorrelation: Law, Simulation Modeling and Analysis, 9.5.3. Processes as the largest unit of repetition:
Kalibera and Jones, Rigorous Benchmarking in Reasonable Time, ISMM 2013. The fastest of several calls: Chen and
Revels, Robust Benchmarking in Noisy Environments, 2016, https://arxiv.org/abs/1608.04295. The number of samples from
a pilot: Stein, A Two-Sample Test for a Linear Hypothesis Whose Power is Independent of the Variance, 1945.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from time import perf_counter
from typing import Any

import numpy as np
from numpy.typing import NDArray

Side = Callable[[int], float]
"""Takes a turn: makes so many calls in a row and returns the seconds of the fastest."""

Pairs = NDArray[np.float64]
"""Seconds [pairs, 2]: a row per turn of the first side and turn of the second side; two rows are a block."""

ERROR = 0.01
"""How often an interval may miss the true ratio, at most."""

BATCHES = (24, 12, 8)
"""Batches of a comparison in one process: as many as there are blocks for.

The 6th smallest and the 6th largest of 24 medians bound the interval, so 5 bad batches on each side do no harm; of 12
medians the second ones do, of 8 the outermost.
"""

FEWEST = BATCHES[-1]
"""Batches that an interval needs: 8 coins fall on one side 2 times in 256."""

TURN_SECONDS = 0.01
"""A turn takes at least so long: as many calls as it needs."""

CALL_SECONDS = 0.01
"""A text is cut until a call takes no longer than that: many short calls show more than few long ones."""

PILOT_BLOCKS = 12

FASTER, SLOWER, UNSEEN = "faster", "slower", "no difference to be seen"


@dataclass(frozen=True)
class Ratio:
    """Seconds of the second side / seconds of the first side, with the bounds of its interval."""

    median: float
    low: float
    high: float


@dataclass(frozen=True)
class Budget:
    """When a comparison has seen enough.

    Attributes:
        seconds: for all turns together, about. Fewer than FEWEST blocks are never taken, however long they last.
        precision: half the width of the interval that is wanted; 0.004 is 0.4 %.
    """

    seconds: float = 10.0
    precision: float = 0.004


@dataclass(frozen=True)
class Plan:
    """How many turns are taken; decided once, before the first turn that counts.

    Attributes:
        batches: of a comparison.
        blocks: per batch.
        calls: per turn.
    """

    batches: int
    blocks: int
    calls: int


@dataclass(frozen=True)
class Comparison:
    """Two sides that took turns.

    Attributes:
        ratio: of the second side to the first one.
        floor: the farthest end of the interval of one side against itself, as a factor above 1.
    """

    ratio: Ratio
    floor: float

    @property
    def verdict(self) -> str:
        """What can be said of the second side."""
        return verdict(self.ratio, self.floor)


def timed(call: Callable[..., object], setup: Callable[[], tuple[Any, ...]] = tuple) -> Side:
    """Return the side that makes a call; `setup` returns its arguments and is not timed."""

    def once() -> float:
        arguments = setup()
        started = perf_counter()
        call(*arguments)
        return perf_counter() - started

    return lambda calls: min(once() for _ in range(calls))


def compare(first: Side, second: Side, budget: Budget = Budget()) -> Comparison:
    """Compare two sides that have run once before; the first one also takes turns with itself, for the floor."""
    return in_one_process(first, second, plan_for((first, second), budget, 8))


def in_one_process(first: Side, second: Side, plan: Plan) -> Comparison:
    """Let both sides take turns, and the first one alone, batch by batch."""
    both, alone = [], []
    for batch in range(plan.batches):
        both.append(take_turns((first, second), plan, batch))
        alone.append(take_turns((first, first), plan, batch))
    return compared(np.concatenate(both), np.concatenate(alone), plan.batches)


def compared(both: Pairs, alone: Pairs, batches: int) -> Comparison:
    """Return what the turns of two sides say, and the turns of one side with itself."""
    return Comparison(ratio_of(both, batches), floor_of(ratio_of(alone, batches)))


def plan_for(sides: Sequence[Side], budget: Budget, turns: int, batches: int | None = None) -> Plan:
    """Return how many turns are needed, by a pilot whose samples are then forgotten.

    Whoever stops when a result looks good finds differences that are not there. So the number is fixed before the
    first turn that counts: it gives the wanted precision under the noise of the pilot, or it fills the time.

    Args:
        sides: all have run once before.
        budget: time and precision.
        turns: that make a block of the ratio and a block of the floor.
        batches: how many; None for as many as the blocks allow.
    """
    call = max(1e-9, min(side(1) for side in sides for _ in range(2)))
    calls = math.ceil(TURN_SECONDS / call)
    pilot_blocks = max(1, min(PILOT_BLOCKS, int(0.1 * budget.seconds / (2 * len(sides) * calls * call))))
    started = perf_counter()
    pilot = take_turns(sides, Plan(1, pilot_blocks, calls), 0)
    turn = (perf_counter() - started) / pilot.size
    fit = budget.seconds / (turns * turn)
    total = max(FEWEST, min(fit, blocks_wanted(pilot[:, :2], budget.precision)))
    batches = batches or next(number for number in BATCHES if number <= total)
    return Plan(batches, max(1, round(total / batches)), calls)


def blocks_wanted(pilot: Pairs, precision: float) -> float:
    """Return how many blocks make half the interval so narrow; infinitely many after too short a pilot.

    The median of n normal values has a standard deviation of 1.25 s / sqrt(n); half a 99 % interval is 2.58 of them.
    """
    ratios = block_ratios(pilot)
    if len(ratios) < FEWEST:
        return math.inf
    spread = 1.4826 * float(np.median(np.abs(ratios - np.median(ratios))))
    return (2.58 * 1.25 * spread / precision) ** 2


def take_turns(sides: Sequence[Side], plan: Plan, batch: int) -> NDArray[np.float64]:
    """Let sides take the turns of a batch; returns seconds [2 * plan.blocks, sides], two rows per block.

    A block goes forth and back, so all sides have the same mean position: A B B A, or A B C C B A. The next block
    begins with the next side, since it matters who ran before: A B B A B A A B, or A B C C B A B C A A C B. Batch 1
    begins where the second block of batch 0 does.
    """
    seconds = np.empty((2 * plan.blocks, len(sides)))
    for block in range(plan.blocks):
        columns = [(block + batch + i) % len(sides) for i in range(len(sides))]
        for row, order in ((2 * block, columns), (2 * block + 1, columns[::-1])):
            for column in order:
                seconds[row, column] = sides[column](plan.calls)
    return seconds


def block_ratios(pairs: Pairs) -> NDArray[np.float64]:
    """Return the logarithm of second / first of each block, [pairs // 2]."""
    logs = np.log(pairs[:, 1] / pairs[:, 0])
    return np.asarray(logs.reshape(-1, 2).mean(axis=1))


def ratio_of(pairs: Pairs, batches: int) -> Ratio:
    """Return the median ratio with an interval that misses the true one at most 1 time in 100.

    Args:
        pairs: as `take_turns` returns them; of several processes one after the other, each with as many.
        batches: parts of equal length whose medians count. With fewer than FEWEST the interval has no ends.
    """
    medians = np.sort([np.median(part) for part in np.split(block_ratios(pairs), batches)])
    rank = rank_of(batches)
    low, high = (medians[rank - 1], medians[-rank]) if rank else (-math.inf, math.inf)
    return Ratio(*(math.exp(value) for value in (float(np.median(medians)), float(low), float(high))))


def rank_of(n: int) -> int:
    """Return the largest r so that the r-th smallest and r-th largest of n values miss the median by ERROR at most.

    0 if there is none.
    """
    below, r = 0.0, 0
    while 2 * (below := below + math.comb(n, r) / 2**n) <= ERROR:
        r += 1
    return r


def floor_of(alone: Ratio) -> float:
    """Return the farthest that a side was from itself, as a factor above 1."""
    return max(alone.high, 1 / alone.low) if alone.low else math.inf


def verdict(ratio: Ratio, floor: float) -> str:
    """Return FASTER or SLOWER where the interval leaves out 1 and the median is beyond the floor, else UNSEEN."""
    if ratio.low > 1 and ratio.median > floor:
        return SLOWER
    if ratio.high < 1 and ratio.median < 1 / floor:
        return FASTER
    return UNSEEN
