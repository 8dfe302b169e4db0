"""Parameters, operations and memory, from the shape of a model alone."""

from __future__ import annotations

from dataclasses import dataclass

import torch

from lm.config import GPT2Config, ModelConfig, RunConfig

BACKWARD = 2
"""The backward pass takes twice the operations of the forward pass (Kaplan et al. 2020)."""

PEAK_TFLOPS = {"H200": 989.0, "H100": 989.0, "A100": 312.0, "L4": 121.0, "4090": 165.0, "V100": 125.0}
"""Dense bfloat16 (V100: float16) operations a second by part of the device's name, from the makers' data sheets."""


def parameter_table(config: ModelConfig) -> dict[str, int]:
    """Return the number of parameters of each part, all layers together."""
    d, layers = config.d_model, config.n_layers
    if isinstance(config, GPT2Config):
        d_kv, matrices, norm = d, 2, d * (1 + config.bias)
        attention_bias = 3 * d * config.qkv_bias + d * config.bias
        ffn_bias = (config.d_ff + d) * config.bias
        positions = config.context_length * d
    else:
        d_kv, matrices, norm = d // config.n_heads * config.n_kv_heads, 3, d
        attention_bias = ffn_bias = positions = 0
    return {
        "token embeddings": config.vocab_size * d,
        "position embeddings": positions,
        "attention": layers * (2 * d * d + 2 * d * d_kv + attention_bias),
        "feed-forward": layers * (matrices * d * config.d_ff + ffn_bias),
        "norms": (2 * layers + 1) * norm,
        "output": 0 if config.tie_embeddings else config.vocab_size * d,
    }


def count_parameters(config: ModelConfig) -> int:
    """Return the number of parameters, tied ones counted once."""
    return sum(parameter_table(config).values())


def forward_flops(config: ModelConfig, n_positions: int) -> dict[str, int]:
    """Return the operations of a forward pass over one sequence, by part: 2 for each multiply-add of a product.

    Attention counts every pair of positions, also those that the causal mask hides, as is customary.
    """
    d, layers, t = config.d_model, config.n_layers, n_positions
    kv_share = 1.0 if isinstance(config, GPT2Config) else config.n_kv_heads / config.n_heads
    matrices = 2 if isinstance(config, GPT2Config) else 3
    return {
        "attention projections": round(layers * 2 * t * d * d * (2 + 2 * kv_share)),
        "attention scores": layers * 2 * t * t * d,
        "attention average": layers * 2 * t * t * d,
        "feed-forward": layers * matrices * 2 * t * d * config.d_ff,
        "output": 2 * t * d * config.vocab_size,
    }


def training_flops_per_token(config: ModelConfig, n_positions: int) -> float:
    """Return the operations of forward and backward pass for one token in a sequence of `n_positions`."""
    return (1 + BACKWARD) * sum(forward_flops(config, n_positions).values()) / n_positions


def training_days(config: RunConfig, tflops: float, utilisation: float = 0.5) -> float:
    """Return how many days all steps of a run take on a device of `tflops`, of which a share is used."""
    n_tokens = config.data.batch_size * config.data.block_size * config.training.accumulation
    flops = training_flops_per_token(config.model, config.data.block_size) * n_tokens * config.training.max_steps
    return flops / (tflops * 1e12 * utilisation) / 86_400


def peak_flops(device: torch.device, precision: str, tflops: float | None = None) -> float | None:
    """Return what a device can do in operations a second; None where that is not known.

    Args:
        device: looked up by name if it is a GPU.
        precision: "bf16"; for "fp32" only `tflops` counts, as it depends on TF32.
        tflops: overrides the table.
    """
    if tflops is not None:
        return tflops * 1e12
    if device.type != "cuda" or precision != "bf16":
        return None
    name = torch.cuda.get_device_name(device)
    return next((value * 1e12 for part, value in PEAK_TFLOPS.items() if part in name), None)


@dataclass(frozen=True)
class Memory:
    """Bytes that a training step holds when the backward pass begins; gradients come as activations go.

    Attributes:
        activations: what the forward pass keeps for the backward pass.
    """

    parameters: int
    gradients: int
    optimizer: int
    activations: int

    @property
    def total(self) -> int:
        """All together."""
        return self.parameters + self.gradients + self.optimizer + self.activations


FLOAT32 = 4


def predict_memory(config: ModelConfig, batch_size: int, n_positions: int, *, moments: int = 2) -> Memory:
    """Predict the memory of a step in float32 with the fused operations and without dropout.

    Args:
        config: the model.
        batch_size: sequences in a batch.
        n_positions: ids in a sequence.
        moments: numbers that the optimizer keeps for each parameter: 2 for AdamW, 0 for SGD.
    """
    n, n_tokens = count_parameters(config), batch_size * n_positions
    floats = activation_floats_per_token(config) * n_tokens
    # The loss of the output layer keeps the gradient of its weight; ids and positions are int64.
    head = config.vocab_size * config.d_model
    activations = FLOAT32 * (floats + head + _rotation_floats(config, n_positions)) + 8 * (n_tokens + n_positions)
    return Memory(FLOAT32 * n, FLOAT32 * n, FLOAT32 * moments * n, activations)


def activation_floats_per_token(config: ModelConfig) -> int:
    """Return how many float32 numbers the forward pass keeps for each position, by the inputs of each product.

    A block of GPT-2 keeps: what LayerNorm saw, twice; its results, inputs of products; queries, keys, values, their
    average and its logarithm of a sum for each head; the hidden layer before and after GELU; 2 statistics a norm. A
    block of Llama 3: RMSNorm, which is not one kernel on a CPU, also keeps what it has not yet scaled; the hidden
    layer 4 times.
    """
    d, heads = config.d_model, config.n_heads
    if isinstance(config, GPT2Config):
        block = (2 + 2 + 4) * d + heads + 2 * config.d_ff + 2 * 2
        return config.n_layers * block + 2 * d + 2
    kv = d // heads * config.n_kv_heads
    block = (4 + 2 + 2) * d + 2 * kv + heads + 4 * config.d_ff + 2
    return config.n_layers * block + 3 * d + 1


def _rotation_floats(config: ModelConfig, n_positions: int) -> int:
    """Sines and cosines, of queries and keys, in each layer."""
    if isinstance(config, GPT2Config):
        return 0
    return config.n_layers * 4 * n_positions * (config.d_model // config.n_heads)


def adamw_flops(config: ModelConfig) -> int:
    """Return the operations of a step of AdamW: 14 a parameter.

    2 multiplies and an add for the first moment, 3 and one for the second, 2 for the decay, and 5 for root, bias
    correction, eps, quotient and update.
    """
    return 14 * count_parameters(config)
