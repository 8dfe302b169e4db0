"""The modules of which all architectures consist; their arithmetic is in `lm.ops`.

The letters at the end of a name give the shape of the tensor: B batch, T positions, D model width, H query heads, K
key-value heads, E width of a head, F width of the feed-forward layer, V vocabulary.
"""

from __future__ import annotations

from typing import Literal

import torch
from torch import Tensor
from torch.nn import Module, Parameter

from lm.ops import Ops

INIT_STD = 0.02
"""Standard deviation of fresh weights, as in GPT-2."""


class Linear(Module):
    """Return x W^T + b: float[..., d_in] -> float[..., d_out]."""

    def __init__(self, d_in: int, d_out: int, ops: Ops, bias: bool = False) -> None:
        super().__init__()
        self.ops = ops
        self.weight = Parameter(torch.empty(d_out, d_in).normal_(0.0, INIT_STD))
        self.bias = Parameter(torch.zeros(d_out)) if bias else None

    def forward(self, x: Tensor) -> Tensor:
        """Apply."""
        return self.ops.linear(x, self.weight, self.bias)


class Embedding(Module):
    """Return the row of a table for each id: int64[...] -> float[..., d_model]."""

    def __init__(self, n_rows: int, d_model: int, ops: Ops) -> None:
        super().__init__()
        self.ops = ops
        self.weight = Parameter(torch.empty(n_rows, d_model).normal_(0.0, INIT_STD))

    def forward(self, ids: Tensor) -> Tensor:
        """Look the ids up."""
        return self.ops.embedding(ids, self.weight)


class LayerNorm(Module):
    """Normalise the last dimension to mean 0 and variance 1, then scale and shift it; the shape stays."""

    def __init__(self, d_model: int, ops: Ops, eps: float = 1e-5, bias: bool = True) -> None:
        super().__init__()
        self.ops, self.eps = ops, eps
        self.weight = Parameter(torch.ones(d_model))
        self.bias = Parameter(torch.zeros(d_model)) if bias else None

    def forward(self, x: Tensor) -> Tensor:
        """Normalise."""
        return self.ops.layer_norm(x, self.weight, self.bias, self.eps)


class RMSNorm(Module):
    """Normalise the last dimension to root mean square 1, then scale it; the shape stays."""

    def __init__(self, d_model: int, ops: Ops, eps: float = 1e-5) -> None:
        super().__init__()
        self.ops, self.eps = ops, eps
        self.weight = Parameter(torch.ones(d_model))

    def forward(self, x: Tensor) -> Tensor:
        """Normalise."""
        return self.ops.rms_norm(x, self.weight, self.eps)


class Dropout(Module):
    """In training mode, set a share p of the elements to zero, and scale the others; the shape stays."""

    def __init__(self, p: float, ops: Ops) -> None:
        super().__init__()
        self.p, self.ops = p, ops

    def forward(self, x: Tensor) -> Tensor:
        """Drop."""
        return self.ops.dropout(x, self.p) if self.training else x


class FeedForward(Module):
    """Return w2(GELU(w1(x))): float[..., d_model] -> float[..., d_model]."""

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
    """Return w2(SiLU(w1(x)) * w3(x)): float[..., d_model] -> float[..., d_model] (Shazeer 2020, arXiv:2002.05202)."""

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
