"""Llama 3 (Grattafiori et al. 2024, https://arxiv.org/abs/2407.21783): RoPE, RMSNorm, SwiGLU, grouped queries.

With as many key-value as query heads and untied embeddings it is also the model of the CS336 course.
"""

from __future__ import annotations

from lm.attention import Attention, RoPE
from lm.config import Llama3Config
from lm.layers import RMSNorm, SwiGLU
from lm.ops import Ops
from lm.transformer import Block, LanguageModel


class Llama3(LanguageModel):
    """The architecture of Llama 3; positions enter through the rotation of queries and keys alone."""

    def __init__(self, config: Llama3Config, ops: Ops) -> None:
        rope = RoPE(config.d_model // config.n_heads, config.rope_theta, config.context_length)

        def norm() -> RMSNorm:
            return RMSNorm(config.d_model, ops, config.norm_eps)

        def block() -> Block:
            attention = Attention(
                config.d_model,
                config.n_heads,
                ops,
                n_kv_heads=config.n_kv_heads,
                context_length=config.context_length,
                rope=rope,
            )
            return Block(attention, SwiGLU(config.d_model, config.d_ff, ops), norm(), norm())

        super().__init__(config, ops, [block() for _ in range(config.n_layers)], norm())
