"""The operations of `reference` with PyTorch's fused kernels; only the loss of the output layer is our own code.

The rest of the package calls neither `torch.nn.functional` nor the optimizers of `torch.optim`.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Literal

import torch
import torch.nn.functional as F
from torch import Tensor
from torch.nn.utils import clip_grad_norm_

from lm.ops.reference import IGNORE_INDEX, causal_mask

BLOCK_TOKENS = 128
"""How many rows of logits `linear_cross_entropy` holds at once on a CPU: 4 MB for a vocabulary of 8,192 tokens."""

linear = F.linear
silu = F.silu


def embedding(ids: Tensor, weight: Tensor) -> Tensor:
    """See `reference.embedding`."""
    return F.embedding(ids, weight)


def layer_norm(x: Tensor, weight: Tensor, bias: Tensor | None, eps: float) -> Tensor:
    """See `reference.layer_norm`."""
    return F.layer_norm(x, weight.shape, weight, bias, eps)


def rms_norm(x: Tensor, weight: Tensor, eps: float) -> Tensor:
    """See `reference.rms_norm`."""
    return F.rms_norm(x, weight.shape, weight, eps)


def gelu(x: Tensor, approximate: Literal["none", "tanh"] = "none") -> Tensor:
    """See `reference.gelu`."""
    return F.gelu(x, approximate=approximate)


def softmax(x: Tensor, dim: int) -> Tensor:
    """See `reference.softmax`."""
    return F.softmax(x, dim)


def dropout(x: Tensor, p: float) -> Tensor:
    """See `reference.dropout`."""
    return F.dropout(x, p) if p > 0 else x


def attention(
    q: Tensor, k: Tensor, v: Tensor, mask: Tensor | None = None, *, causal: bool = False, dropout_p: float = 0.0
) -> Tensor:
    """See `reference.attention`."""
    n_queries, n_keys = q.shape[-2], k.shape[-2]
    # With the flag `is_causal`, PyTorch puts the first query at the first key. It takes either the flag or a mask.
    if causal and (mask is not None or n_queries != n_keys):
        mask_TS = causal_mask(n_queries, n_keys, q.device)
        mask, causal = mask_TS if mask is None else mask & mask_TS, False
    grouped = q.ndim > 2 and q.shape[-3] != k.shape[-3]
    return F.scaled_dot_product_attention(q, k, v, mask, dropout_p, is_causal=causal, enable_gqa=grouped)


def cross_entropy(logits: Tensor, targets: Tensor, ignore_index: int = IGNORE_INDEX) -> Tensor:
    """See `reference.cross_entropy`."""
    logits = logits.float() if logits.element_size() < 4 else logits
    return F.cross_entropy(logits.flatten(0, -2), targets.flatten(), ignore_index=ignore_index)


class _LinearCrossEntropy(torch.autograd.Function):
    """The loss of the output layer, in blocks of rows; the gradients of a block are computed while the CPU caches it.

    The logits of all rows never exist at the same time, so no array of shape [rows, vocabulary] is written to memory
    and read back (as in Liger, Hsu et al. 2024, https://arxiv.org/abs/2410.10989).
    """

    @staticmethod
    def forward(ctx: Any, x: Tensor, weight: Tensor, targets: Tensor, ignore_index: int) -> Tensor:
        counts = targets != ignore_index
        n_counted = counts.sum()
        rows = targets.where(counts, 0)[:, None]
        d_x, d_weight = torch.empty_like(x), torch.zeros_like(weight)
        nats = x.new_zeros(())
        # All blocks share two buffers: fresh memory costs more than the arithmetic on it.
        logits_buffer, p_buffer = x.new_empty(2, min(BLOCK_TOKENS, len(x)), len(weight))
        for start in range(0, len(x), BLOCK_TOKENS):
            x_block, rows_block = x[start : start + BLOCK_TOKENS], rows[start : start + BLOCK_TOKENS]
            kept = counts[start : start + BLOCK_TOKENS, None]
            logits = torch.mm(x_block, weight.mT, out=logits_buffer[: len(x_block)])
            p = torch.softmax(logits, -1, out=p_buffer[: len(x_block)])
            # The largest logit and its probability, at least 1 / vocabulary, give log(sum(exp)) without a third pass.
            log_sums = logits.amax(-1, keepdim=True) - p.amax(-1, keepdim=True).log()
            nats += ((log_sums - logits.gather(1, rows_block)) * kept).sum()
            d_logits = p.scatter_add_(1, rows_block, -torch.ones_like(log_sums))
            if not kept.all():
                d_logits.mul_(kept)
            torch.mm(d_logits, weight, out=d_x[start : start + BLOCK_TOKENS])
            d_weight.addmm_(d_logits.mT, x_block)
        ctx.save_for_backward(d_x.div_(n_counted), d_weight.div_(n_counted))
        return nats / n_counted

    @staticmethod
    def backward(ctx: Any, *d_loss: Tensor) -> tuple[Tensor, Tensor, None, None]:
        d_x, d_weight = ctx.saved_tensors
        return d_x * d_loss[0], d_weight * d_loss[0], None, None


def linear_cross_entropy(x: Tensor, weight: Tensor, targets: Tensor, ignore_index: int = IGNORE_INDEX) -> Tensor:
    """See `reference.linear_cross_entropy`.

    In float32 on a CPU, memory limits the speed, so blocks of logits are faster; elsewhere, all logits at once are.
    """
    blocks = x.device.type == "cpu" and x.dtype == torch.float32 and torch.is_grad_enabled()
    if blocks and not torch.is_autocast_enabled("cpu") and not torch.compiler.is_compiling():
        loss: Tensor = _LinearCrossEntropy.apply(x.flatten(0, -2), weight, targets.flatten(), ignore_index)  # type: ignore[no-untyped-call]
        return loss
    return cross_entropy(linear(x, weight), targets, ignore_index)


def clip_gradients(parameters: Iterable[Tensor], max_norm: float) -> Tensor:
    """See `lm.optim.clip_gradients`."""
    return clip_grad_norm_(parameters, max_norm)


def adamw(
    parameters: Iterable[Any], lr: float, betas: tuple[float, float], eps: float, weight_decay: float
) -> torch.optim.AdamW:
    """See `lm.optim.AdamW`."""
    return torch.optim.AdamW(parameters, lr=lr, betas=betas, eps=eps, weight_decay=weight_decay, fused=True)
