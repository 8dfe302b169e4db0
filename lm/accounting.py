"""The numbers of parameters, operations and bytes of a model and its training, computed from the shape alone."""

from __future__ import annotations

from dataclasses import dataclass

import torch

from lm.config import RunConfig
from lm.config_base import ModelConfig
from lm.models import architecture_of

BACKWARD = 2
"""The backward pass takes twice as many operations as the forward pass (Kaplan et al. 2020)."""

PEAK_TFLOPS = {"H200": 989.0, "H100": 989.0, "A100": 312.0, "L4": 121.0, "4090": 165.0, "V100": 125.0}
"""A dict: part of a device's name -> dense bfloat16 (V100: float16) operations per second, in units of 10^12.

The numbers are from the makers' data sheets.
"""


def parameter_table(config: ModelConfig) -> dict[str, int]:
    """Return a dict: part of the model -> number of its parameters, in all layers together."""
    sizes, layers, table = architecture_of(config).sizes(config), config.n_layers, config.vocab_size * config.d_model
    return {
        "token embeddings": table,
        "position embeddings": sizes.positions,
        "attention": layers * sizes.attention,
        "feed-forward": layers * sizes.feed_forward,
        "norms": (2 * layers + 1) * sizes.norm,
        "output": 0 if config.tie_embeddings else table,
    }


def count_parameters(config: ModelConfig) -> int:
    """Return the number of parameters; a parameter that two parts share is counted once."""
    return sum(parameter_table(config).values())


def forward_flops(config: ModelConfig, n_positions: int) -> dict[str, int]:
    """Return a dict: part of the model -> operations of a forward pass over one sequence; a multiply-add is two.

    Attention counts every pair of positions, also the pairs that the causal mask hides, as is customary.
    """
    sizes, layers, d, t = architecture_of(config).sizes(config), config.n_layers, config.d_model, n_positions
    return {
        "attention projections": layers * 2 * t * sizes.attention_products,
        "attention scores": layers * 2 * t * t * d,
        "attention average": layers * 2 * t * t * d,
        "feed-forward": layers * 2 * t * sizes.feed_forward_products,
        "output": 2 * t * d * config.vocab_size,
    }


def training_flops_per_token(config: ModelConfig, n_positions: int) -> float:
    """Return the operations of the forward and the backward pass per token, in a sequence of `n_positions`."""
    return (1 + BACKWARD) * sum(forward_flops(config, n_positions).values()) / n_positions


def training_days(config: RunConfig, tflops: float, utilisation: float = 0.5) -> float:
    """Return how many days all steps of a run take, as a prediction.

    Args:
        config: the run.
        tflops: peak speed of the device, in 10^12 operations per second.
        utilisation: share of the peak speed that the run reaches, from 0 to 1.
    """
    n_tokens = config.data.batch_size * config.data.block_size * config.training.accumulation
    flops = training_flops_per_token(config.model, config.data.block_size) * n_tokens * config.training.max_steps
    return flops / (tflops * 1e12 * utilisation) / 86_400


def peak_flops(device: torch.device, precision: str, tflops: float | None = None) -> float | None:
    """Return the peak speed of a device in operations per second; None if it is not known.

    Args:
        device: the device; a GPU is found in the table by its name.
        precision: "bf16" or "fp32". The table has no peaks for "fp32", since they depend on TF32.
        tflops: the peak to use instead of the table, in 10^12 operations per second.
    """
    if tflops is not None:
        return tflops * 1e12
    if device.type != "cuda" or precision != "bf16":
        return None
    name = torch.cuda.get_device_name(device)
    return next((value * 1e12 for part, value in PEAK_TFLOPS.items() if part in name), None)


@dataclass(frozen=True)
class Memory:
    """Memory in bytes that a training step holds when the backward pass begins; later, gradients replace activations.

    Attributes:
        activations: bytes that the forward pass keeps for the backward pass.
    """

    parameters: int
    gradients: int
    optimizer: int
    activations: int

    @property
    def total(self) -> int:
        """The sum of all kinds of memory, in bytes."""
        return self.parameters + self.gradients + self.optimizer + self.activations


FLOAT32, INT64 = 4, 8
"""Bytes of a number of each type."""


def predict_memory(config: ModelConfig, batch_size: int, n_positions: int, *, moments: int = 2) -> Memory:
    """Predict the memory of a training step in float32, with the fused operations and without dropout.

    Args:
        config: the model.
        batch_size: sequences in a batch.
        n_positions: ids in a sequence.
        moments: how many numbers the optimizer keeps per parameter: 2 for AdamW, 0 for SGD.
    """
    sizes, n, n_tokens = architecture_of(config).sizes(config), count_parameters(config), batch_size * n_positions
    kept = (config.n_layers * sizes.kept_by_layer + sizes.kept_outside) * n_tokens
    tables = config.n_layers * sizes.kept_tables * n_positions
    # The loss of the output layer keeps the gradient of its weight; ids and positions are int64.
    head = config.vocab_size * config.d_model
    activations = FLOAT32 * (kept + tables + head) + INT64 * (n_tokens + n_positions)
    return Memory(FLOAT32 * n, FLOAT32 * n, FLOAT32 * moments * n, activations)


def adamw_flops(config: ModelConfig) -> int:
    """Return the operations of a step of AdamW: 14 per parameter.

    Per parameter, the first moment takes 2 multiplications and 1 addition, the second moment 3 multiplications and 1
    addition, and the decay 2 operations. Root, bias correction, eps, quotient and update take 5 operations.
    """
    return 14 * count_parameters(config)
