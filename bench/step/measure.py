"""The measurement as a whole: models, operations, and what a record keeps of them."""

from __future__ import annotations

import hashlib
from argparse import Namespace
from statistics import median
from typing import Any

import torch
from torch import Tensor

from bench.code import module_digest
from bench.record import head
from bench.step import operations
from bench.step.shapes import SMALL, batch_of, model_named
from bench.step.sides import Side, make_sides
from bench.step.timing import report, stepper, take_turns, verify
from lm.accounting import count_parameters, peak_flops, training_flops_per_token
from lm.config import GPT2Config
from lm.processes import find_device

PACKAGES = ("numpy", "torch", "transformers")
"""Packages whose versions matter."""

MODEL = "lm.model"
"""The module whose sources are timed."""

BARS = {"nanoGPT": 1.0, "transformers": 1.2}
"""How many times as fast our model has to be, with `SMALL` on a CPU in float32."""


def measure(options: Namespace) -> dict[str, Any]:
    """Measure and print; returns the content of the record.

    Args:
        options: model, batch, block, device, precision, compile, ops, rounds, arguments.

    Raises:
        UsageError: there is no such model or device.
        MergelabError: two sides find different losses.
    """
    content = head("step", options.arguments, PACKAGES, {MODEL: module_digest(MODEL)})
    config, device = model_named(options.model, options.block), find_device(options.device)
    return {
        **content,
        "device": torch.cuda.get_device_name(device) if device.type == "cuda" else device.type,
        "threads": torch.get_num_threads(),
        "models": models(config, device, options),
        "operations": operations.measure(options.batch, options.block, device, options.rounds) if options.ops else [],
    }


def models(config: GPT2Config, device: torch.device, options: Namespace) -> list[dict[str, Any]]:
    """Verify and time the sides of both kinds of GELU, print them, and return their part of the record."""
    torch.set_float32_matmul_precision("high")
    batch = batch_of(config, options.batch, options.block, device)
    pairs = zip(("exact GELU", "tanh GELU"), make_sides(config, device, options.compile), strict=True)
    return [_kind(gelu, sides, config, batch, options) for gelu, sides in pairs]


def _kind(
    gelu: str, sides: list[Side], config: GPT2Config, batch: tuple[Tensor, Tensor], options: Namespace
) -> dict[str, Any]:
    x, y = batch
    losses = verify(sides, x, y)
    samples = take_turns({side.name: stepper(side, x, y, options.precision) for side in sides}, options.rounds)
    print(f"{config.name}, {gelu}, {options.batch} x {options.block} ids, {options.precision}, {x.device}")
    for line in report(samples, x.numel()):
        print("  " + line)
    _print_share(samples["ours"], config, x, options)
    bars = BARS if (config, x.device.type, options.precision) == (SMALL, "cpu", "fp32") else {}
    return {
        "model": config.name,
        "gelu": gelu,
        "batch": options.batch,
        "block": options.block,
        "precision": options.precision,
        "compiled": options.compile,
        "parameters": count_parameters(config),
        "ids_sha256": hashlib.sha256(x.cpu().numpy().tobytes()).hexdigest(),
        "sides": [
            {"name": name, "loss": loss, "bar": bars.get(name.split()[0]), "samples": samples[name]}
            for name, loss in zip(samples, losses, strict=True)
        ],
    }


def _print_share(seconds: list[float], config: GPT2Config, x: Tensor, options: Namespace) -> None:
    """Print the share of the device's peak that our model reaches, where the peak is known."""
    peak = peak_flops(x.device, options.precision)
    if peak:
        share = x.numel() / median(seconds) * training_flops_per_token(config, options.block) / peak
        print(f"  ours: {share:.1%} of the peak; {torch.cuda.max_memory_allocated() / 1e9:.1f} GB, all sides")
