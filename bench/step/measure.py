"""The whole measurement of a training step: the models, the single operations, and the record of both."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
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
from lm.models.gpt2 import GPT2Config
from lm.processes import find_device

PACKAGES = ("numpy", "torch", "transformers")
"""Packages whose versions matter."""

MODEL = "lm.models"
"""The module whose sources are timed."""

BARS = {"nanoGPT": 1.0, "transformers": 1.2}
"""How many times as fast our model has to be, with `SMALL` on a CPU in float32."""


@dataclass(frozen=True)
class Setting:
    """How a step is measured.

    Attributes:
        batch: windows of text per step.
        block: ids per window.
        precision: "fp32" or "bf16".
        compiled: whether torch.compile compiles the models.
        rounds: how many steps of each side are timed.
    """

    batch: int
    block: int
    precision: str
    compiled: bool
    rounds: int


def measure(
    arguments: Sequence[str], model: str | None, device_name: str, setting: Setting, *, with_operations: bool
) -> dict[str, Any]:
    """Measure and print; returns the content of the record.

    Args:
        arguments: the words of the command line.
        model: name of a model, as `shapes.model_named` takes it.
        device_name: "cpu", "cuda" or "auto".
        setting: how it is measured.
        with_operations: whether the operations of `SMALL` are timed as well.

    Raises:
        UsageError: there is no such model or device.
        MergelabError: two sides find different losses for the same ids.
    """
    content = head("step", arguments, PACKAGES, {MODEL: module_digest(MODEL)})
    config, device = model_named(model, setting.block), find_device(device_name)
    content |= {
        "device": torch.cuda.get_device_name(device) if device.type == "cuda" else device.type,
        "threads": torch.get_num_threads(),
        "models": models(config, device, setting),
        "operations": [],
    }
    if with_operations:
        content["operations"] = operations.measure(setting.batch, setting.block, device, setting.rounds)
    return content


def models(config: GPT2Config, device: torch.device, setting: Setting) -> list[dict[str, Any]]:
    """Verify and time the sides, once with exact GELU and once with tanh GELU; print the times and return them."""
    torch.set_float32_matmul_precision("high")
    batch = batch_of(config, setting.batch, setting.block, device)
    kinds = zip(("exact GELU", "tanh GELU"), make_sides(config, device, setting.compiled), strict=True)
    return [_kind(gelu, sides, config, batch, setting) for gelu, sides in kinds]


def _kind(
    gelu: str, sides: Sequence[Side], config: GPT2Config, batch: tuple[Tensor, Tensor], setting: Setting
) -> dict[str, Any]:
    x, y = batch
    losses = verify(sides, x, y)
    samples = take_turns({side.name: stepper(side, x, y, setting.precision) for side in sides}, setting.rounds)
    print(f"{config.name}, {gelu}, {setting.batch} x {setting.block} ids, {setting.precision}, {x.device}")
    for line in (*report(samples, x.numel()), *share_of_peak(samples["ours"], config, x, setting)):
        print("  " + line)
    bars = BARS if (config, x.device.type, setting.precision) == (SMALL, "cpu", "fp32") else {}
    return {
        "model": config.name,
        "gelu": gelu,
        **{name: getattr(setting, name) for name in ("batch", "block", "precision", "compiled")},
        "parameters": count_parameters(config),
        "ids_sha256": hashlib.sha256(x.cpu().numpy().tobytes()).hexdigest(),
        "sides": [
            {"name": name, "loss": loss, "bar": bars.get(name.split()[0]), "samples": samples[name]}
            for name, loss in zip(samples, losses, strict=True)
        ],
    }


def share_of_peak(seconds: Sequence[float], config: GPT2Config, x: Tensor, setting: Setting) -> Iterator[str]:
    """Yield a line with the share of the device's peak speed that our model reaches, if the peak is known."""
    peak = peak_flops(x.device, setting.precision)
    if peak:
        share = x.numel() / median(seconds) * training_flops_per_token(config, setting.block) / peak
        yield f"ours: {share:.1%} of the peak; {torch.cuda.max_memory_allocated() / 1e9:.1f} GB, all sides"
