"""The GPT-2 of nanoGPT (https://github.com/karpathy/nanoGPT): the same code with our names, without dropout."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from lm.models.gpt2 import GPT2Config


class NanoAttention(nn.Module):
    """Attention whose queries, keys and values come from one product."""

    def __init__(self, config: GPT2Config) -> None:
        super().__init__()
        self.n_heads = config.n_heads
        self.c_attn = nn.Linear(config.d_model, 3 * config.d_model)
        self.c_proj = nn.Linear(config.d_model, config.d_model)

    def forward(self, x: Tensor) -> Tensor:
        """Return the output of attention for x, [batch, positions, width]."""
        b, t, d = x.shape
        q, k, v = (part.view(b, t, self.n_heads, -1).transpose(1, 2) for part in self.c_attn(x).split(d, dim=2))
        y = F.scaled_dot_product_attention(q, k, v, is_causal=True)
        projected: Tensor = self.c_proj(y.transpose(1, 2).contiguous().view(b, t, d))
        return projected


class NanoBlock(nn.Module):
    """A layer: attention, then a feed-forward half."""

    def __init__(self, config: GPT2Config) -> None:
        super().__init__()
        d = config.d_model
        self.ln_1, self.ln_2 = nn.LayerNorm(d), nn.LayerNorm(d)
        self.attn = NanoAttention(config)
        self.mlp = nn.ModuleDict({"c_fc": nn.Linear(d, config.d_ff), "c_proj": nn.Linear(config.d_ff, d)})

    def forward(self, x: Tensor) -> Tensor:
        """Return the output of the layer for x, [batch, positions, width]."""
        x = x + self.attn(self.ln_1(x))
        y: Tensor = x + self.mlp["c_proj"](F.gelu(self.mlp["c_fc"](self.ln_2(x))))
        return y


class NanoGPT(nn.Module):
    """The whole model, built from PyTorch's modules."""

    def __init__(self, config: GPT2Config) -> None:
        super().__init__()
        self.wte = nn.Embedding(config.vocab_size, config.d_model)
        self.wpe = nn.Embedding(config.context_length, config.d_model)
        self.h = nn.ModuleList(NanoBlock(config) for _ in range(config.n_layers))
        self.ln_f = nn.LayerNorm(config.d_model)
        self.lm_head = nn.Linear(config.d_model, config.vocab_size, bias=False)
        self.wte.weight = self.lm_head.weight

    def forward(self, ids: Tensor, targets: Tensor) -> Tensor:
        """Return the mean loss of the targets, float32[]."""
        x = self.wte(ids) + self.wpe(torch.arange(ids.shape[1], device=ids.device))
        for block in self.h:
            x = block(x)
        logits = self.lm_head(self.ln_f(x))
        return F.cross_entropy(logits.view(-1, logits.size(-1)), targets.view(-1))
