"""The parts that all architectures share: the block, and the model that turns ids into logits or a loss."""

from __future__ import annotations

import math
from typing import Protocol

import torch
from torch import Tensor
from torch.nn import Module, ModuleList, Parameter

from impls.errors import UsageError
from lm.attention import Attention, KeyValueCache
from lm.config_base import ModelConfig
from lm.layers import INIT_STD, Embedding, Linear
from lm.ops import Ops


class FeedForwardHalf(Protocol):
    """The second half of a layer, [..., d_model] -> [..., d_model]; `w2` is the layer of its last product."""

    w2: Linear

    def __call__(self, x: Tensor) -> Tensor:
        """Apply."""


class Block(Module):
    """A layer with a norm before each half: x + attn(ln1(x)), then x + ffn(ln2(x))."""

    def __init__(self, attn: Attention, ffn: FeedForwardHalf, ln1: Module, ln2: Module) -> None:
        super().__init__()
        self.attn, self.ffn, self.ln1, self.ln2 = attn, ffn, ln1, ln2

    def forward(self, x_BTD: Tensor, positions_T: Tensor, cache: KeyValueCache | None = None) -> Tensor:
        """Apply to x, [B, T, D]; with a cache, the positions of x come after the positions in the cache."""
        x_BTD = x_BTD + self.attn(self.ln1(x_BTD), positions_T, cache)
        y_BTD: Tensor = x_BTD + self.ffn(self.ln2(x_BTD))
        return y_BTD


class LanguageModel(Module):
    """A decoder-only Transformer: ids, int64[B, T] -> logits, float[B, T, V].

    An architecture makes its blocks and its last norm, and overrides `embed` if it has more than token embeddings.
    """

    def __init__(self, config: ModelConfig, ops: Ops, blocks: list[Block], ln_final: Module) -> None:
        super().__init__()
        self.config, self.ops = config, ops
        self.token_embeddings = Embedding(config.vocab_size, config.d_model, ops)
        self.layers = ModuleList(blocks)
        self.ln_final = ln_final
        self.lm_head = Linear(config.d_model, config.vocab_size, ops)
        if config.tie_embeddings:
            self.lm_head.weight = self.token_embeddings.weight
        # Each layer adds 2 branches to the residual stream: their last weights start smaller (Radford et al. 2019).
        with torch.no_grad():
            for block in blocks:
                for last in (block.attn.output_proj, block.ffn.w2):
                    last.weight.normal_(0.0, INIT_STD / math.sqrt(2 * config.n_layers))

    def embed(self, ids_BT: Tensor, positions_T: Tensor) -> Tensor:
        """Return the residual stream before the first layer, float[B, T, D], from ids, int64[B, T]."""
        del positions_T
        x_BTD: Tensor = self.token_embeddings(ids_BT)
        return x_BTD

    def forward(
        self, ids_BT: Tensor, targets_BT: Tensor | None = None, caches: list[KeyValueCache] | None = None
    ) -> Tensor:
        """Return logits, float[B, T, V]; with targets, int64[B, T], return their mean loss, float32[], in nats.

        With caches, one per layer, the positions of the ids come after the positions in the caches.

        Raises:
            UsageError: there are more positions than the context length.
        """
        start = caches[0].length if caches else 0
        stop = start + ids_BT.shape[1]
        if stop > self.config.context_length:
            raise UsageError(
                f"ids: {stop} positions are more than the context length {self.config.context_length}; give fewer ids"
            )
        positions_T = torch.arange(start, stop, device=ids_BT.device)
        x_BTD = self.embed(ids_BT, positions_T)
        for number, block in enumerate(self.layers):
            x_BTD = block(x_BTD, positions_T, caches[number] if caches else None)
        x_BTD = self.ln_final(x_BTD)
        if targets_BT is not None:
            return self.ops.linear_cross_entropy(x_BTD, self.lm_head.weight, targets_BT)
        logits_BTV: Tensor = self.lm_head(x_BTD)
        return logits_BTV

    def new_caches(self) -> list[KeyValueCache]:
        """Return a list with an empty cache for each layer."""
        return [KeyValueCache() for _ in self.layers]

    def parameter_groups(self, weight_decay: float) -> list[dict[str, list[Parameter] | float]]:
        """Return two groups of parameters for an optimizer: matrices with weight decay, biases and gains without."""
        parameters = list(self.parameters())
        return [
            {"params": [p for p in parameters if p.ndim >= 2], "weight_decay": weight_decay},
            {"params": [p for p in parameters if p.ndim < 2], "weight_decay": 0.0},
        ]
