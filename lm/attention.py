"""Attention: the only part of a model in which positions use each other's values.

`lm.layers` explains the letters in names.
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import Module

from lm.layers import Dropout, Linear
from lm.ops import Ops


class RoPE(Module):
    """Rotary position embedding of the pairs (2k, 2k + 1) (Su et al. 2021, https://arxiv.org/abs/2104.09864).

    Pair k at position t is rotated by the angle t / theta^(2k / d_head), in radians.
    """

    cos_TE: Tensor
    sin_TE: Tensor

    def __init__(self, d_head: int, theta: float, context_length: int) -> None:
        super().__init__()
        frequencies = theta ** (-torch.arange(0, d_head, 2, dtype=torch.float64) / d_head)
        angles = torch.outer(torch.arange(context_length, dtype=torch.float64), frequencies).repeat_interleave(2, -1)
        # The first sine of each pair is negative, so that `forward` only adds.
        signs = torch.tensor([-1.0, 1.0], dtype=torch.float64).repeat(d_head // 2)
        self.register_buffer("cos_TE", angles.cos().float(), persistent=False)
        self.register_buffer("sin_TE", (angles.sin() * signs).float(), persistent=False)

    def forward(self, x: Tensor, positions: Tensor) -> Tensor:
        """Rotate x, float[..., T, d_head], by the angles of the positions, int64[..., T].

        Return float[..., T, d_head].
        """
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
        """Append keys and values, [B, K, T, E] each; return all keys and all values so far.

        The first call makes room for `capacity` positions.
        """
        if self._k is None or self._v is None:
            shape = (*k.shape[:2], capacity, k.shape[-1])
            self._k, self._v = k.new_empty(shape), v.new_empty(shape)
        start, self.length = self.length, self.length + k.shape[2]
        self._k[:, :, start : self.length] = k
        self._v[:, :, start : self.length] = v
        return self._k[:, :, : self.length], self._v[:, :, : self.length]


class Attention(Module):
    """Causal self-attention, [B, T, D] -> [B, T, D].

    `n_kv_heads` makes it multi-head, grouped-query or multi-query.
    """

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
        """Return the output of attention for x.

        With a cache, the positions of x come after the cached positions, and attend to the cached positions too.
        """
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
