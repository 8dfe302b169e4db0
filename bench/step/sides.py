"""The sides of the comparison: models of the same shape with the same weights."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from dataclasses import dataclass
from importlib import import_module
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from bench.step.nanogpt import NanoGPT
from lm.models import build
from lm.models.gpt2 import GPT2Config, export_weights
from lm.transformer import LanguageModel


@dataclass(frozen=True)
class Side:
    """One of the compared models: its name with its version, the model, and the function that returns its loss."""

    name: str
    model: nn.Module
    loss: Callable[[Tensor, Tensor], Tensor]


def make_sides(config: GPT2Config, device: torch.device, compiled: bool) -> tuple[list[Side], list[Side]]:
    """Return the sides with exact GELU, then the sides with tanh GELU, our model first; all have the same weights."""
    torch.manual_seed(0)
    exact = build(config.model_copy(update={"activation": "gelu"})).to(device)
    weights = exact.state_dict()

    def ours(activation: str, ops: str) -> LanguageModel:
        model = build(config.model_copy(update={"activation": activation}), ops).to(device)
        model.load_state_dict(weights)
        return model

    nano = NanoGPT(config).to(device)
    theirs = export_weights(exact)
    named = {name.removeprefix("transformer."): value for name, value in theirs.items()}
    linear = {name: v.T if v.ndim == 2 and name.startswith("h.") else v for name, v in named.items()}
    nano.load_state_dict(linear | {"lm_head.weight": linear["wte.weight"]})
    reference, tanh = ours("gelu", "reference"), ours("gelu_tanh", "fused")
    first = [_side("ours", exact, compiled), _side("nanoGPT", nano, compiled)]
    first += [_side("ours, reference", reference, compiled)]
    second = [_side("ours", tanh, compiled)]
    try:
        second.append(_transformers(config, theirs, device, compiled))
    except ImportError:
        warnings.warn("transformers is not installed and does not take part; pip install transformers", stacklevel=2)
    return first, second


def _side(name: str, model: nn.Module, compiled: bool) -> Side:
    return Side(name, model, torch.compile(model) if compiled else model)


def _transformers(config: GPT2Config, weights: dict[str, Tensor], device: torch.device, compiled: bool) -> Side:
    transformers: Any = import_module("transformers")
    shape = transformers.GPT2Config(
        vocab_size=config.vocab_size,
        n_positions=config.context_length,
        n_embd=config.d_model,
        n_layer=config.n_layers,
        n_head=config.n_heads,
        n_inner=config.d_ff,
        **dict.fromkeys(("embd_pdrop", "attn_pdrop", "resid_pdrop"), 0.0),
        **dict.fromkeys(("bos_token_id", "eos_token_id")),
    )
    model = transformers.GPT2LMHeadModel(shape)
    model.load_state_dict(weights, strict=False)
    model.tie_weights()
    forward: Any = model.to(device)
    if compiled:
        forward = torch.compile(forward)

    def loss(ids: Tensor, targets: Tensor) -> Tensor:
        logits = forward(ids, use_cache=False).logits
        return F.cross_entropy(logits.view(-1, logits.size(-1)), targets.view(-1))

    return Side(f"transformers {transformers.__version__}", model, loss)
