"""Modules that both architectures are made of; the arithmetic is in `lm.ops`.

Letters in names say shapes: B batch, T positions, D model width, H query heads, K key-value heads, E width of a head,
F width of the feed-forward layer, V vocabulary.
"""

from __future__ import annotations

from typing import Literal

import torch
from torch import Tensor
from torch.nn import Module, Parameter

from lm.ops import Ops

INIT_STD = 0.02
"""Standard deviation of fresh weights, that of GPT-2."""


class Linear(Module):
    """x W^T + b, [..., d_in] to [..., d_out]."""

    def __init__(self, d_in: int, d_out: int, ops: Ops, bias: bool = False) -> None:
        super().__init__()
        self.ops = ops
        self.weight = Parameter(torch.empty(d_out, d_in).normal_(0.0, INIT_STD))
        self.bias = Parameter(torch.zeros(d_out)) if bias else None

    def forward(self, x: Tensor) -> Tensor:
        """Apply."""
        return self.ops.linear(x, self.weight, self.bias)


class Embedding(Module):
    """Rows of a table: int64[...] to [..., d_model]."""

    def __init__(self, n_rows: int, d_model: int, ops: Ops) -> None:
        super().__init__()
        self.ops = ops
        self.weight = Parameter(torch.empty(n_rows, d_model).normal_(0.0, INIT_STD))

    def forward(self, ids: Tensor) -> Tensor:
        """Look the ids up."""
        return self.ops.embedding(ids, self.weight)


class LayerNorm(Module):
    """Mean 0 and variance 1 over the last dimension, then scale and shift."""

    def __init__(self, d_model: int, ops: Ops, eps: float = 1e-5, bias: bool = True) -> None:
        super().__init__()
        self.ops, self.eps = ops, eps
        self.weight = Parameter(torch.ones(d_model))
        self.bias = Parameter(torch.zeros(d_model)) if bias else None

    def forward(self, x: Tensor) -> Tensor:
        """Normalise."""
        return self.ops.layer_norm(x, self.weight, self.bias, self.eps)


class RMSNorm(Module):
    """Root mean square 1 over the last dimension, then scale."""

    def __init__(self, d_model: int, ops: Ops, eps: float = 1e-5) -> None:
        super().__init__()
        self.ops, self.eps = ops, eps
        self.weight = Parameter(torch.ones(d_model))

    def forward(self, x: Tensor) -> Tensor:
        """Normalise."""
        return self.ops.rms_norm(x, self.weight, self.eps)


class Dropout(Module):
    """Zero a share p of the elements while training."""

    def __init__(self, p: float, ops: Ops) -> None:
        super().__init__()
        self.p, self.ops = p, ops

    def forward(self, x: Tensor) -> Tensor:
        """Drop."""
        return self.ops.dropout(x, self.p) if self.training else x


class RoPE(Module):
    """Rotary position embedding of the pairs (2k, 2k + 1) (Su et al. 2021, https://arxiv.org/abs/2104.09864).

    Pair k at position t is turned by t / theta^(2k / d_head).
    """

    cos_TE: Tensor
    sin_TE: Tensor

    def __init__(self, d_head: int, theta: float, context_length: int) -> None:
        super().__init__()
        frequencies = theta ** (-torch.arange(0, d_head, 2, dtype=torch.float64) / d_head)
        angles = torch.outer(torch.arange(context_length, dtype=torch.float64), frequencies).repeat_interleave(2, -1)
        # The sine of the first of each pair is negative, so that forward needs no other sign.
        signs = torch.tensor([-1.0, 1.0], dtype=torch.float64).repeat(d_head // 2)
        self.register_buffer("cos_TE", angles.cos().float(), persistent=False)
        self.register_buffer("sin_TE", (angles.sin() * signs).float(), persistent=False)

    def forward(self, x: Tensor, positions: Tensor) -> Tensor:
        """Turn x, [..., T, d_head], by the positions, int64[..., T]."""
        swapped = x.reshape(*x.shape[:-1], -1, 2).flip(-1).reshape(x.shape)
        turned: Tensor = x * self.cos_TE[positions] + swapped * self.sin_TE[positions]
        return turned.to(x.dtype)


class KeyValueCache:
    """Keys and values of the positions seen so far, for one layer: [B, K, length, E] each."""

    def __init__(self) -> None:
        self.length = 0
        self._k: Tensor | None = None
        self._v: Tensor | None = None

    def extend(self, k: Tensor, v: Tensor, capacity: int) -> tuple[Tensor, Tensor]:
        """Append keys and values, [B, K, T, E], and return all; room for `capacity` positions is made once."""
        if self._k is None or self._v is None:
            shape = (*k.shape[:2], capacity, k.shape[-1])
            self._k, self._v = k.new_empty(shape), v.new_empty(shape)
        start, self.length = self.length, self.length + k.shape[2]
        self._k[:, :, start : self.length] = k
        self._v[:, :, start : self.length] = v
        return self._k[:, :, : self.length], self._v[:, :, : self.length]


class Attention(Module):
    """Causal self-attention, [B, T, D] to [B, T, D]: multi-head, grouped-query and multi-query in one."""

    def __init__(
        self,
        d_model: int,
        n_heads: int,
        ops: Ops,
        *,
        n_kv_heads: int | None = None,
        context_length: int = 0,
        rope: RoPE | None = None,
        qkv_bias: bool = False,
        bias: bool = False,
        dropout: float = 0.0,
        residual_dropout: float = 0.0,
    ) -> None:
        super().__init__()
        self.ops, self.context_length, self.rope, self.dropout = ops, context_length, rope, dropout
        self.d_head = d_model // n_heads
        d_kv = self.d_head * (n_kv_heads or n_heads)
        self.q_proj = Linear(d_model, d_model, ops, qkv_bias)
        self.k_proj = Linear(d_model, d_kv, ops, qkv_bias)
        self.v_proj = Linear(d_model, d_kv, ops, qkv_bias)
        self.output_proj = Linear(d_model, d_model, ops, bias)
        self.residual_dropout = Dropout(residual_dropout, ops)

    def forward(self, x_BTD: Tensor, positions_T: Tensor | None = None, cache: KeyValueCache | None = None) -> Tensor:
        """Attend; with a cache, also to the positions in it, and x is what follows them."""
        q_BHTE, k_BKTE, v_BKTE = (
            projection(x_BTD).unflatten(-1, (-1, self.d_head)).transpose(-3, -2)
            for projection in (self.q_proj, self.k_proj, self.v_proj)
        )
        if self.rope is not None:
            if positions_T is None:
                positions_T = torch.arange(x_BTD.shape[-2], device=x_BTD.device)
            q_BHTE, k_BKTE = self.rope(q_BHTE, positions_T), self.rope(k_BKTE, positions_T)
        if cache is not None:
            k_BKTE, v_BKTE = cache.extend(k_BKTE, v_BKTE, self.context_length)
        dropout_p = self.dropout if self.training else 0.0
        y_BHTE = self.ops.attention(q_BHTE, k_BKTE, v_BKTE, causal=True, dropout_p=dropout_p)
        y: Tensor = self.residual_dropout(self.output_proj(y_BHTE.transpose(-3, -2).flatten(-2)))
        return y


class FeedForward(Module):
    """w2(GELU(w1(x))), [..., d_model] to [..., d_model]."""

    def __init__(
        self,
        d_model: int,
        d_ff: int,
        ops: Ops,
        *,
        bias: bool = True,
        approximate: Literal["none", "tanh"] = "none",
        dropout: float = 0.0,
    ) -> None:
        super().__init__()
        self.ops, self.approximate = ops, approximate
        self.w1 = Linear(d_model, d_ff, ops, bias)
        self.w2 = Linear(d_ff, d_model, ops, bias)
        self.dropout = Dropout(dropout, ops)

    def forward(self, x: Tensor) -> Tensor:
        """Apply."""
        y: Tensor = self.dropout(self.w2(self.ops.gelu(self.w1(x), self.approximate)))
        return y


class SwiGLU(Module):
    """w2(SiLU(w1(x)) * w3(x)), [..., d_model] to [..., d_model] (Shazeer 2020, https://arxiv.org/abs/2002.05202)."""

    def __init__(self, d_model: int, d_ff: int, ops: Ops) -> None:
        super().__init__()
        self.ops = ops
        self.w1 = Linear(d_model, d_ff, ops)
        self.w2 = Linear(d_ff, d_model, ops)
        self.w3 = Linear(d_model, d_ff, ops)

    def forward(self, x: Tensor) -> Tensor:
        """Apply."""
        y: Tensor = self.w2(self.ops.silu(self.w1(x)) * self.w3(x))
        return y


class Block(Module):
    """A layer with normalisation before each half: x + attn(ln1(x)), then x + ffn(ln2(x))."""

    def __init__(self, attn: Attention, ffn: FeedForward | SwiGLU, ln1: Module, ln2: Module) -> None:
        super().__init__()
        self.attn, self.ffn, self.ln1, self.ln2 = attn, ffn, ln1, ln2

    def forward(self, x_BTD: Tensor, positions_T: Tensor, cache: KeyValueCache | None = None) -> Tensor:
        """Apply."""
        x_BTD = x_BTD + self.attn(self.ln1(x_BTD), positions_T, cache)
        y_BTD: Tensor = x_BTD + self.ffn(self.ln2(x_BTD))
        return y_BTD
