"""A worked exercise: where do time and memory go in the forward pass of a small multi-layer perceptron?

    python -m profiles.exercise --batch 512 --layers 256,1024,1024,64 --passes 20

The same passes under each tool, from the repository's root; all of these commands run as they stand:

    python -m cProfile -s tottime -m profiles.exercise
    python -m scalene run --cpu-only -o mlp.json profiles/exercise.py --- --passes 300
    python -m scalene view --cli mlp.json
    python -m memray run --force -o mlp.bin -m profiles.exercise
    python -m memray stats mlp.bin
    python -m memray flamegraph --force --no-web -o mlp.html mlp.bin

What to look for. cProfile counts calls, and the operator `@` is no call. So the time of all matrix products is in one
line, the own time of `forward`. Scalene shows the time of each line of code, and that the products take native time.
memray shows that `gelu`, and not the products, allocates the most memory: each operator of `gelu` makes an array of
the size of the activations. With `--gelu in-place`, all operators write into one array. Run all three tools again.

A layer is x_BI @ w_IO + b_O. GELU follows each layer but the last (Hendrycks and Gimpel 2016,
https://arxiv.org/abs/1606.08415, with tanh).
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
    """Return GELU of float32[...]; each operator makes an array."""
    result: Array = np.float32(0.5) * x * (np.float32(1) + np.tanh(ROOT_2_OVER_PI * (x + CUBIC * x * x * x)))  # type: ignore[assignment]
    return result


def gelu_in_place(x: Array) -> Array:
    """Return GELU of float32[...]; all operators write into one array. Overwrites `x`."""
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
    """Return the number of floating-point operations of the matrix products in one pass: two per weight and row."""
    return sum(2 * batch * inputs * outputs for inputs, outputs in pairwise(widths))


def _count(text: str) -> int:
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"{text!r} is not a number of at least 1; give a number such as 512")
    return int(text)


def _widths(text: str) -> list[int]:
    widths = [_count(word) for word in text.split(",")]
    if len(widths) < 2:
        raise argparse.ArgumentTypeError(f"{text!r} is a single width; give at least two, as in 256,1024,64")
    return widths


def build_parser() -> argparse.ArgumentParser:
    """Describe the command line."""
    text = "Forward passes of a small multi-layer perceptron."
    parser = OneLineParser(prog="python -m profiles.exercise", description=text)
    parser.add_argument("--batch", type=_count, default=512, help="rows per pass")
    parser.add_argument("--layers", type=_widths, default=[256, 1024, 1024, 64], help="widths, inputs first")
    parser.add_argument("--passes", type=_count, default=20, help="how often")
    parser.add_argument("--gelu", choices=GELU, default="plain", help="one array per operator, or one for all")
    parser.add_argument("--seed", type=int, default=0, help="of weights and inputs")
    return parser


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the passes and print how long they took; returns the exit status."""
    options = build_parser().parse_args(arguments)
    layers = make_layers(options.layers, options.seed)
    x_BI = np.random.default_rng(options.seed).standard_normal((options.batch, options.layers[0]), np.float32)
    started = perf_counter()
    for _ in range(options.passes):
        output = forward(x_BI, layers, GELU[options.gelu])
    seconds = (perf_counter() - started) / options.passes
    rate = operations(options.batch, options.layers) / seconds / 1e9
    rows, columns = output.shape
    print(f"{rows} x {columns}, {1e3 * seconds:.2f} ms per pass, {rate:.1f} GFLOP/s in the products")
    return 0


if __name__ == "__main__":
    sys.exit(main())
