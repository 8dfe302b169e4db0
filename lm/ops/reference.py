"""The operations of a Transformer from scratch: arithmetic, indexing and reductions on tensors.

Letters in shapes: B batch, T and S positions of queries and keys, D features, H query heads, K key-value heads,
G query heads that share a key-value head (H = K * G), V vocabulary; `...` stands for any leading dimensions.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Any, Literal

import torch
from torch import Tensor

from lm.optim import AdamW, clip_gradients

__all__ = ["clip_gradients"]

IGNORE_INDEX = -100
"""A target with this value is ignored: it adds nothing to the loss or to the gradient."""


def linear(x: Tensor, weight: Tensor, bias: Tensor | None = None) -> Tensor:
    """Return x W^T + b.

    Args:
        x: [..., d_in].
        weight: [d_out, d_in].
        bias: [d_out].
    """
    y = x @ weight.mT
    return y if bias is None else y + bias


def embedding(ids: Tensor, weight: Tensor) -> Tensor:
    """Return rows of a table.

    `weight[ids]` gives the same, but on several threads its gradient is summed in an order that varies.

    Args:
        ids: int64[...].
        weight: [V, D].

    Returns:
        [..., D].
    """
    return weight.index_select(0, ids.flatten()).reshape(*ids.shape, -1)


def _wide(x: Tensor) -> Tensor:
    """Return x in float32 if it has fewer bits: sums in bfloat16 keep too few digits."""
    return x.float() if x.element_size() < 4 else x


def layer_norm(x: Tensor, weight: Tensor, bias: Tensor | None, eps: float) -> Tensor:
    """Normalise over the last dimension (Ba et al. 2016, https://arxiv.org/abs/1607.06450).

    bfloat16 is computed in float32.
    """
    x_wide = _wide(x)
    centred = x_wide - x_wide.mean(-1, keepdim=True)
    y = centred * torch.rsqrt((centred * centred).mean(-1, keepdim=True) + eps) * weight
    return (y if bias is None else y + bias).to(x.dtype)


def rms_norm(x: Tensor, weight: Tensor, eps: float) -> Tensor:
    """Divide by the root mean square of the last dimension (Zhang and Sennrich 2019, https://arxiv.org/abs/1910.07467).

    bfloat16 is computed in float32.
    """
    x_wide = _wide(x)
    return (x_wide * torch.rsqrt((x_wide * x_wide).mean(-1, keepdim=True) + eps) * weight).to(x.dtype)


def gelu(x: Tensor, approximate: Literal["none", "tanh"] = "none") -> Tensor:
    """Return x Phi(x), exactly or by the tanh of GPT-2 (Hendrycks and Gimpel 2016, https://arxiv.org/abs/1606.08415)."""
    if approximate == "none":
        return 0.5 * x * (1.0 + torch.erf(x / math.sqrt(2.0)))
    return 0.5 * x * (1.0 + torch.tanh(math.sqrt(2.0 / math.pi) * (x + 0.044715 * x * x * x)))


def silu(x: Tensor) -> Tensor:
    """Return x sigmoid(x)."""
    return x * torch.sigmoid(x)


def softmax(x: Tensor, dim: int) -> Tensor:
    """Return exp(x) / sum(exp(x)) along `dim`; the largest element is subtracted first, so that nothing overflows.

    If all elements along `dim` are minus infinity, the result is NaN, as in PyTorch.
    """
    exponentials = torch.exp(x - x.amax(dim, keepdim=True))
    return exponentials / exponentials.sum(dim, keepdim=True)


def dropout(x: Tensor, p: float) -> Tensor:
    """Zero each element with probability p and scale the others by 1 / (1 - p) (Srivastava et al. 2014)."""
    return x * (torch.rand_like(x) >= p) / (1.0 - p) if p > 0 else x


def attention(
    q: Tensor, k: Tensor, v: Tensor, mask: Tensor | None = None, *, causal: bool = False, dropout_p: float = 0.0
) -> Tensor:
    """Scaled dot-product attention (Vaswani et al. 2017, https://arxiv.org/abs/1706.03762), grouped queries included.

    If there are fewer key-value heads than query heads, each key-value head is used by H / K consecutive query heads
    (Ainslie et al. 2023, https://arxiv.org/abs/2305.13245): K = H is multi-head attention, K = 1 multi-query
    attention.

    Args:
        q: [..., H, T, D], or [..., T, D] without heads.
        k: [..., K, S, D].
        v: [..., K, S, D_v].
        mask: bool[..., T, S], true where a query may use a key.
        causal: a query uses no key at a later position; the last query is at the position of the last key.
        dropout_p: probability with which each weight of the average is set to zero.

    Returns:
        [..., H, T, D_v].
    """
    if q.ndim > 2 and q.shape[-3] != k.shape[-3]:
        groups = q.shape[-3] // k.shape[-3]
        k, v = (x.repeat_interleave(groups, dim=-3) for x in (k, v))
    scores = q @ k.mT / math.sqrt(q.shape[-1])
    if causal:
        mask_TS = causal_mask(q.shape[-2], k.shape[-2], q.device)
        mask = mask_TS if mask is None else mask & mask_TS
    if mask is not None:
        scores = scores.masked_fill(~mask, -math.inf)
    weights = softmax(_wide(scores), -1).to(v.dtype)
    return dropout(weights, dropout_p) @ v


def causal_mask(n_queries: int, n_keys: int, device: torch.device) -> Tensor:
    """Return bool[T, S], true where the key is not later than the query.

    The last query is at the position of the last key.
    """
    positions_T = torch.arange(n_keys - n_queries, n_keys, device=device)
    return torch.arange(n_keys, device=device) <= positions_T[:, None]


def cross_entropy(logits: Tensor, targets: Tensor, ignore_index: int = IGNORE_INDEX) -> Tensor:
    """Return the mean negative log-likelihood, in nats, of the targets that are not ignored.

    The largest logit is subtracted before log(sum(exp)), so that nothing overflows. If all targets are ignored, the
    mean is NaN, as in PyTorch.

    Args:
        logits: [..., V].
        targets: int64[...], ids below V or `ignore_index`.
    """
    counts = targets != ignore_index
    logits = _wide(logits)
    shifted = logits - logits.amax(-1, keepdim=True)
    chosen = shifted.gather(-1, targets.where(counts, 0)[..., None])[..., 0]
    nats = shifted.exp().sum(-1).log() - chosen
    return nats.where(counts, 0.0).sum() / counts.sum()


def linear_cross_entropy(x: Tensor, weight: Tensor, targets: Tensor, ignore_index: int = IGNORE_INDEX) -> Tensor:
    """Return the `cross_entropy` of the logits x W^T, for x [..., D], weight W [V, D] and targets int64[...]."""
    return cross_entropy(linear(x, weight), targets, ignore_index)


def adamw(parameters: Iterable[Any], lr: float, betas: tuple[float, float], eps: float, weight_decay: float) -> AdamW:
    """Build `lm.optim.AdamW`."""
    return AdamW(parameters, lr=lr, betas=betas, eps=eps, weight_decay=weight_decay)
