"""The inputs of a training step: the shape of the model, and a batch of ids."""

from __future__ import annotations

from pathlib import Path

import torch
from torch import Tensor

import lm
from impls import UsageError
from lm.config_files import load
from lm.models.gpt2 import GPT2Config

MODELS = Path(lm.__file__).parent / "configs" / "models"

SMALL = GPT2Config(
    name="4 layers x 128",
    vocab_size=8192,
    context_length=256,
    d_model=128,
    n_layers=4,
    n_heads=4,
    d_ff=512,
    qkv_bias=True,
    activation="gelu",
)
"""The shape by default, usually with a batch of 8 windows of 256 ids."""


def model_named(name: str | None, block: int) -> GPT2Config:
    """Return the shape of a model in `lm/configs/models`; without a name, return `SMALL`.

    Args:
        name: the name of the model's file, without its suffix.
        block: ids per window; the model's context must be at least as long.

    Raises:
        UsageError: there is no such model, the model is no GPT-2, or its context is too short.
    """
    config = SMALL
    if name:
        loaded = load("model", MODELS / f"{name}.yaml")
        if not isinstance(loaded, GPT2Config):
            raise UsageError(f"--model {name}: is not a GPT-2, so nanoGPT has no such model; name a GPT-2")
        config = loaded.model_copy(update={"qkv_bias": True})
    if block > config.context_length:
        longest = config.context_length
        raise UsageError(f"--block: {block} is above the model's context length {longest}; give at most {longest}")
    return config


def batch_of(config: GPT2Config, batch: int, block: int, device: torch.device) -> tuple[Tensor, Tensor]:
    """Return random ids and the ids that follow them, int64[batch, block] each."""
    ids = torch.randint(config.vocab_size, (batch, block + 1), generator=torch.Generator().manual_seed(1)).to(device)
    return ids[:, :-1].contiguous(), ids[:, 1:].contiguous()
