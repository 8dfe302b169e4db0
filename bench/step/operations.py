"""Each operation of a training step by itself: `reference` beside `fused`, forward and backward pass."""

from __future__ import annotations

import time
from collections.abc import Callable
from functools import partial
from statistics import median
from typing import Any

import torch
from torch import Tensor

from bench.step.shapes import SMALL
from bench.step.timing import ratio, take_turns
from lm.ops import OPS, Ops

Case = Callable[..., Tensor]
"""An operation on its inputs; takes the `ops` that compute it."""


def cases(batch: int, block: int, device: torch.device) -> dict[str, Case]:
    """Return the operations by name, each with inputs of the shapes that a step of `SMALL` has."""
    b, t, d, f, v, h = batch, block, SMALL.d_model, SMALL.d_ff, SMALL.vocab_size, SMALL.n_heads
    generator = torch.Generator().manual_seed(0)

    def randn(*shape: int) -> Tensor:
        return torch.randn(*shape, generator=generator).to(device).requires_grad_()

    ids = torch.randint(v, (b, t), generator=generator).to(device)
    x, hidden, logits, gain = randn(b, t, d), randn(b, t, f), randn(b, t, v), randn(d)
    heads = [randn(b, h, t, d // h) for _ in range(3)]
    return {
        "linear": partial(_call, "linear", x, randn(f, d), randn(f)),
        "embedding": partial(_call, "embedding", ids, randn(v, d)),
        "layer_norm": partial(_call, "layer_norm", x, gain, randn(d), 1e-5),
        "rms_norm": partial(_call, "rms_norm", x, gain, 1e-5),
        "gelu": partial(_call, "gelu", hidden, "tanh"),
        "silu": partial(_call, "silu", hidden),
        "softmax": partial(_call, "softmax", randn(b, h, t, t), -1),
        "attention": partial(_call, "attention", *heads, causal=True),
        "cross_entropy": partial(_call, "cross_entropy", logits, ids),
        "linear_cross_entropy": partial(_call, "linear_cross_entropy", x, randn(v, d), ids),
    }


def measure(batch: int, block: int, device: torch.device, rounds: int) -> list[dict[str, Any]]:
    """Verify and time each operation, print its times, and return the rows of the record."""
    results: list[dict[str, Any]] = []
    for name, case in cases(batch, block, device).items():
        values = [case(ops=ops).detach() for ops in OPS.values()]
        torch.testing.assert_close(values[0], values[1], rtol=1e-4, atol=1e-5)
        samples = take_turns({ops: _timed(case, OPS[ops], device) for ops in ("fused", "reference")}, rounds)
        results.append({"name": name, "samples": samples})
        print(line(name, samples))
    return results


def line(name: str, samples: dict[str, list[float]]) -> str:
    """Return the line to print for an operation: both medians, and how many times as fast `fused` is."""
    middle, low, high = ratio(samples["reference"], samples["fused"])
    milliseconds = {ops: median(seconds) * 1e3 for ops, seconds in samples.items()}
    return (
        f"{name:<22}reference {milliseconds['reference']:8.2f} ms, fused {milliseconds['fused']:8.2f} ms: "
        f"{middle:.2f}x as fast ({low:.2f}x .. {high:.2f}x)"
    )


def _call(name: str, *arguments: object, ops: Ops, **options: object) -> Tensor:
    value: Tensor = getattr(ops, name)(*arguments, **options)
    return value


def _timed(case: Case, ops: Ops, device: torch.device) -> Callable[[], float]:
    def run() -> float:
        started = time.perf_counter()
        torch.autograd.backward(case(ops=ops).sum())
        if device.type == "cuda":
            torch.cuda.synchronize()
        return time.perf_counter() - started

    return run
