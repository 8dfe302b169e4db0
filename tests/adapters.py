"""The project under the names that the CS336 course suite calls: glue, no logic."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import Module

import impls
from lm import attention, batches, checkpoint, layers, optim
from lm.models import build
from lm.models.llama3 import Llama3Config
from lm.ops import pick
from lm.transformer import LanguageModel

OPS = pick("reference")


def run_train_bpe(
    input_path: str | os.PathLike[str], vocab_size: int, special_tokens: Sequence[str], **kwargs: Any
) -> tuple[dict[int, bytes], list[tuple[bytes, bytes]]]:
    """Train a vocabulary on a file."""
    return impls.train_bpe(input_path, vocab_size, special_tokens, **kwargs)


def get_tokenizer(
    vocab: Mapping[int, bytes], merges: Sequence[tuple[bytes, bytes]], special_tokens: Sequence[str] | None = None
) -> impls.Tokenizer:
    """Build a tokenizer from what training returns."""
    return impls.Tokenizer(vocab, merges, special_tokens)


def _load(module: Module, weights: Mapping[str, Tensor]) -> Module:
    module.load_state_dict(dict(weights))
    return module


def run_linear(d_in: int, d_out: int, weights: Tensor, in_features: Tensor) -> Tensor:
    """Apply a linear layer without bias."""
    return _load(layers.Linear(d_in, d_out, OPS), {"weight": weights})(in_features)


def run_embedding(vocab_size: int, d_model: int, weights: Tensor, token_ids: Tensor) -> Tensor:
    """Look ids up."""
    return _load(layers.Embedding(vocab_size, d_model, OPS), {"weight": weights})(token_ids)


def run_swiglu(
    d_model: int, d_ff: int, w1_weight: Tensor, w2_weight: Tensor, w3_weight: Tensor, in_features: Tensor
) -> Tensor:
    """Apply a gated feed-forward layer."""
    weights = {"w1.weight": w1_weight, "w2.weight": w2_weight, "w3.weight": w3_weight}
    return _load(layers.SwiGLU(d_model, d_ff, OPS), weights)(in_features)


def run_positionwise_feedforward(
    d_model: int, d_ff: int, weights: Mapping[str, Tensor], in_features: Tensor
) -> Tensor:
    """Apply a feed-forward layer with exact GELU and without biases: `w1.weight`, `w2.weight`."""
    return _load(layers.FeedForward(d_model, d_ff, OPS, bias=False), weights)(in_features)


def run_scaled_dot_product_attention(Q: Tensor, K: Tensor, V: Tensor, mask: Tensor | None = None) -> Tensor:
    """Attend where the mask is true."""
    return OPS.attention(Q, K, V, mask)


def _attention(
    d_model: int, num_heads: int, q: Tensor, k: Tensor, v: Tensor, o: Tensor, rope: attention.RoPE | None = None
) -> Module:
    weights = {"q_proj.weight": q, "k_proj.weight": k, "v_proj.weight": v, "output_proj.weight": o}
    module = attention.Attention(d_model, num_heads, OPS, rope=rope)
    return _load(module, weights)


def run_multihead_self_attention(
    d_model: int,
    num_heads: int,
    q_proj_weight: Tensor,
    k_proj_weight: Tensor,
    v_proj_weight: Tensor,
    o_proj_weight: Tensor,
    in_features: Tensor,
) -> Tensor:
    """Apply causal self-attention without positions."""
    module = _attention(d_model, num_heads, q_proj_weight, k_proj_weight, v_proj_weight, o_proj_weight)
    return module(in_features)


def run_multihead_self_attention_with_rope(
    d_model: int,
    num_heads: int,
    max_seq_len: int,
    theta: float,
    q_proj_weight: Tensor,
    k_proj_weight: Tensor,
    v_proj_weight: Tensor,
    o_proj_weight: Tensor,
    in_features: Tensor,
    token_positions: Tensor | None = None,
) -> Tensor:
    """Apply causal self-attention with rotary positions."""
    rope = attention.RoPE(d_model // num_heads, theta, max_seq_len)
    module = _attention(d_model, num_heads, q_proj_weight, k_proj_weight, v_proj_weight, o_proj_weight, rope)
    return module(in_features, token_positions)


def run_rope(d_k: int, theta: float, max_seq_len: int, in_query_or_key: Tensor, token_positions: Tensor) -> Tensor:
    """Turn queries or keys."""
    return attention.RoPE(d_k, theta, max_seq_len)(in_query_or_key, token_positions)


def _course_model(
    vocab_size: int,
    context_length: int,
    d_model: int,
    num_layers: int,
    num_heads: int,
    d_ff: int,
    rope_theta: float,
) -> LanguageModel:
    config = Llama3Config(
        architecture="llama3",
        vocab_size=vocab_size,
        context_length=context_length,
        d_model=d_model,
        n_layers=num_layers,
        n_heads=num_heads,
        n_kv_heads=num_heads,
        d_ff=d_ff,
        rope_theta=float(rope_theta),
        tie_embeddings=False,
    )
    return build(config, "reference")


def run_transformer_block(
    d_model: int,
    num_heads: int,
    d_ff: int,
    max_seq_len: int,
    theta: float,
    weights: Mapping[str, Tensor],
    in_features: Tensor,
) -> Tensor:
    """Apply one layer of the course's model."""
    block = _course_model(1, max_seq_len, d_model, 1, num_heads, d_ff, theta).layers[0]
    return _load(block, weights)(in_features, torch.arange(in_features.shape[-2]))


def run_transformer_lm(
    vocab_size: int,
    context_length: int,
    d_model: int,
    num_layers: int,
    num_heads: int,
    d_ff: int,
    rope_theta: float,
    weights: Mapping[str, Tensor],
    in_indices: Tensor,
) -> Tensor:
    """Apply the course's model."""
    model = _course_model(vocab_size, context_length, d_model, num_layers, num_heads, d_ff, rope_theta)
    return _load(model, weights)(in_indices)


def run_rmsnorm(d_model: int, eps: float, weights: Tensor, in_features: Tensor) -> Tensor:
    """Normalise by the root mean square."""
    return _load(layers.RMSNorm(d_model, OPS, eps), {"weight": weights})(in_features)


def run_silu(in_features: Tensor) -> Tensor:
    """Apply SiLU."""
    return OPS.silu(in_features)


def run_gelu(in_features: Tensor) -> Tensor:
    """Apply GELU, exactly."""
    return OPS.gelu(in_features)


def run_softmax(in_features: Tensor, dim: int) -> Tensor:
    """Apply softmax."""
    return OPS.softmax(in_features, dim)


def run_cross_entropy(inputs: Tensor, targets: Tensor) -> Tensor:
    """Return the mean negative log-likelihood."""
    return OPS.cross_entropy(inputs, targets)


def run_gradient_clipping(parameters: Iterable[torch.nn.Parameter], max_l2_norm: float) -> None:
    """Clip in place."""
    optim.clip_gradients(parameters, max_l2_norm)


def get_adamw_cls() -> type[torch.optim.Optimizer]:
    """Return the optimizer."""
    return optim.AdamW


def run_get_lr_cosine_schedule(
    it: int, max_learning_rate: float, min_learning_rate: float, warmup_iters: int, cosine_cycle_iters: int
) -> float:
    """Return the learning rate of a step."""
    return optim.cosine_schedule(
        it,
        maximum=max_learning_rate,
        minimum=min_learning_rate,
        warmup_steps=warmup_iters,
        cosine_steps=cosine_cycle_iters,
    )


def run_get_batch(dataset: NDArray[Any], batch_size: int, context_length: int, device: str) -> tuple[Tensor, Tensor]:
    """Cut random windows."""
    return batches.get_batch(dataset, batch_size, context_length, device)


def run_save_checkpoint(
    model: Module, optimizer: torch.optim.Optimizer, iteration: int, out: checkpoint.Target
) -> None:
    """Save to a path or a file object."""
    checkpoint.save_checkpoint(out, model, optimizer, iteration)


def run_load_checkpoint(src: checkpoint.Target, model: Module, optimizer: torch.optim.Optimizer) -> int:
    """Load, and return the step."""
    return int(checkpoint.load_checkpoint(src, model, optimizer)["step"])
