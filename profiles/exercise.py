"""A worked exercise: where do time and memory go in the forward pass of a small multi-layer perceptron?

    python -m profiles.exercise --batch 512 --layers 256,1024,1024,64 --passes 20

The same under each tool, from the repository's root; all of these commands run as they stand:

    python -m cProfile -s tottime -m profiles.exercise
    python -m scalene run --cpu-only -o mlp.json profiles/exercise.py --- --passes 300
    python -m scalene view --cli mlp.json
    python -m memray run --force -o mlp.bin -m profiles.exercise
    python -m memray stats mlp.bin
    python -m memray flamegraph --force --no-web -o mlp.html mlp.bin

What to look for. cProfile has one line for all matrix products, `forward` itself, since the operator `@` is no call:
own time of a function that calls C through an operator tells nothing apart. Scalene tells the lines apart and shows
them as native time. memray shows that `gelu`, and not the products, allocates the most: each of its operators makes
an array of the size of the activations. `--gelu in-place` writes into one array instead; run all three again.

The layers are x_BI @ w_IO + b_O, then GELU (Hendrycks and Gimpel 2016, https://arxiv.org/abs/1606.08415, with tanh)
except behind the last.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Sequence
from itertools import pairwise
from time import perf_counter

import numpy as np
from numpy.typing import NDArray

from impls.command_line import OneLineParser

Array = NDArray[np.float32]

ROOT_2_OVER_PI = np.float32(np.sqrt(2 / np.pi))
CUBIC = np.float32(0.044715)


def gelu(x: Array) -> Array:
    """Return GELU of float32[...], an array for each operator."""
    result: Array = np.float32(0.5) * x * (np.float32(1) + np.tanh(ROOT_2_OVER_PI * (x + CUBIC * x * x * x)))  # type: ignore[assignment]
    return result


def gelu_in_place(x: Array) -> Array:
    """Return GELU of float32[...], one array for all operators; overwrites `x`."""
    inner = x * x
    inner *= CUBIC
    inner += np.float32(1)
    inner *= x
    inner *= ROOT_2_OVER_PI
    np.tanh(inner, out=inner)
    inner += np.float32(1)
    inner *= np.float32(0.5)
    x *= inner
    return x


GELU: dict[str, Callable[[Array], Array]] = {"plain": gelu, "in-place": gelu_in_place}

Layer = tuple[Array, Array]


def make_layers(widths: Sequence[int], seed: int = 0) -> list[Layer]:
    """Return weights, float32[inputs, outputs], scaled by 1 / sqrt(inputs), and biases, float32[outputs]."""
    random = np.random.default_rng(seed)
    return [
        (
            random.standard_normal((inputs, outputs), np.float32) / np.float32(np.sqrt(inputs)),
            np.zeros(outputs, np.float32),
        )
        for inputs, outputs in pairwise(widths)
    ]


def forward(x_BI: Array, layers: Sequence[Layer], activate: Callable[[Array], Array] = gelu) -> Array:
    """Return the output, float32[batch, outputs of the last layer]."""
    for index, (w_IO, b_O) in enumerate(layers):
        x_BI = x_BI @ w_IO + b_O
        if index + 1 < len(layers):
            x_BI = activate(x_BI)
    return x_BI


def operations(batch: int, widths: Sequence[int]) -> int:
    """Return the floating-point operations of the matrix products of one pass: two for each weight and row."""
    return sum(2 * batch * inputs * outputs for inputs, outputs in pairwise(widths))


def _widths(text: str) -> list[int]:
    widths = [int(word) for word in text.split(",")]
    if len(widths) < 2 or min(widths) < 1:
        raise argparse.ArgumentTypeError(f"{text!r}: give at least two widths of at least 1, as in 256,1024,64")
    return widths


def _count(text: str) -> int:
    if int(text) < 1:
        raise argparse.ArgumentTypeError(f"{text} is too small; give at least 1")
    return int(text)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the passes and print how long they took; returns the exit status."""
    parser = OneLineParser(prog="python -m profiles.exercise", description="Forward passes of a small MLP.")
    parser.add_argument("--batch", type=_count, default=512, help="rows at a time")
    parser.add_argument("--layers", type=_widths, default=[256, 1024, 1024, 64], help="widths, inputs first")
    parser.add_argument("--passes", type=_count, default=20)
    parser.add_argument("--gelu", choices=GELU, default="plain")
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args(arguments)
    layers = make_layers(options.layers, options.seed)
    x_BI = np.random.default_rng(options.seed).standard_normal((options.batch, options.layers[0]), np.float32)
    started = perf_counter()
    for _ in range(options.passes):
        output = forward(x_BI, layers, GELU[options.gelu])
    seconds = (perf_counter() - started) / options.passes
    rate = operations(options.batch, options.layers) / seconds / 1e9
    print(f"{output.shape[0]} x {output.shape[1]}, {1e3 * seconds:.2f} ms a pass, {rate:.1f} GFLOP/s in the products")
    return 0


if __name__ == "__main__":
    sys.exit(main())
