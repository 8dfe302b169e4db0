"""Verifies, then times: all sides must find the same loss; then they take turns, one step at a time."""

from __future__ import annotations

import math
import random
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import nullcontext
from statistics import median, quantiles

import torch
from torch import Tensor

from bench.step.sides import Side
from impls import MergelabError
from lm.ops import pick


def verify(sides: Sequence[Side], x: Tensor, y: Tensor) -> list[float]:
    """Check that all sides find the same loss; return the loss of each side.

    Raises:
        MergelabError: a loss differs, so the models do not compute the same; they are not timed.
    """
    losses = [side.loss(x, y).item() for side in sides]
    for side, loss in zip(sides, losses, strict=True):
        if not math.isclose(loss, losses[0], rel_tol=1e-4):
            told = f"the loss is {loss}, but the loss of {sides[0].name} is {losses[0]}, so nothing is timed"
            raise MergelabError(f"{side.name}: {told}; give both models the same weights")
    return losses


def stepper(side: Side, x: Tensor, y: Tensor, precision: str) -> Callable[[], float]:
    """Return a function that takes one training step and returns how many seconds the step took."""
    ops = pick("fused")
    parameters = list(side.model.parameters())
    optimizer = ops.adamw(parameters, 1e-4, (0.9, 0.95), 1e-8, 0.1)
    cuda = x.device.type == "cuda"

    def step() -> float:
        started = time.perf_counter()
        with torch.autocast(x.device.type, torch.bfloat16) if precision == "bf16" else nullcontext():
            loss = side.loss(x, y)
        torch.autograd.backward(loss)
        ops.clip_gradients(parameters, 1.0)
        optimizer.step()
        optimizer.zero_grad(set_to_none=True)
        if cuda:
            torch.cuda.synchronize()
        return time.perf_counter() - started

    return step


def take_turns(steps: dict[str, Callable[[], float]], rounds: int) -> dict[str, list[float]]:
    """Return the seconds of each side by name. In each round, every side takes one step, in random order."""
    for step in steps.values():
        for _ in range(3):
            step()
    samples: dict[str, list[float]] = {name: [] for name in steps}
    order = list(steps)
    for _ in range(rounds):
        random.shuffle(order)
        for name in order:
            samples[name].append(steps[name]())
    return samples


def ratio(slow: Sequence[float], fast: Sequence[float]) -> tuple[float, float, float]:
    """Return three ratios slow / fast: of the medians, then the smallest and the largest ratio of two quartiles."""
    (low_a, _, high_a), (low_b, _, high_b) = quartiles(slow), quartiles(fast)
    return median(slow) / median(fast), low_a / high_b, high_a / low_b


def quartiles(samples: Sequence[float]) -> list[float]:
    """Return the three quartiles, computed as the report computes them."""
    return quantiles(samples, n=4, method="inclusive")


def report(samples: dict[str, list[float]], n_tokens: int) -> Iterator[str]:
    """Yield a line per side: its tokens per second, and the speed of the first side divided by its speed."""
    first = next(iter(samples))
    for name, seconds in samples.items():
        high, _, low = (n_tokens / value for value in quartiles(seconds))
        line = f"{name:<24}{n_tokens / median(seconds):10,.0f} tokens/s, quartiles {low:,.0f} .. {high:,.0f}"
        if name != first:
            line += "; {} is {:.2f}x as fast ({:.2f}x .. {:.2f}x)".format(first, *ratio(seconds, samples[first]))
        yield line
