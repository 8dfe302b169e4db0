"""GPT-2 (Radford et al. 2019): learned positions, LayerNorm before each half, multi-head attention, GELU."""

from __future__ import annotations

from torch import Tensor

from lm.attention import Attention
from lm.config import GPT2Config
from lm.layers import Dropout, Embedding, FeedForward, LayerNorm
from lm.ops import Ops
from lm.transformer import Block, LanguageModel


class GPT2(LanguageModel):
    """The architecture of GPT-2, with the names of the shared layers."""

    def __init__(self, config: GPT2Config, ops: Ops) -> None:
        def norm() -> LayerNorm:
            return LayerNorm(config.d_model, ops, config.norm_eps, config.bias)

        def block() -> Block:
            attention = Attention(
                config.d_model,
                config.n_heads,
                ops,
                context_length=config.context_length,
                qkv_bias=config.qkv_bias,
                bias=config.bias,
                dropout=config.attention_dropout,
                residual_dropout=config.residual_dropout,
            )
            feed_forward = FeedForward(
                config.d_model,
                config.d_ff,
                ops,
                bias=config.bias,
                approximate="tanh" if config.activation == "gelu_tanh" else "none",
                dropout=config.residual_dropout,
            )
            return Block(attention, feed_forward, norm(), norm())

        super().__init__(config, ops, [block() for _ in range(config.n_layers)], norm())
        self.position_embeddings = Embedding(config.context_length, config.d_model, ops)
        self.embedding_dropout = Dropout(config.embedding_dropout, ops)

    def embed(self, ids_BT: Tensor, positions_T: Tensor) -> Tensor:
        """Add the embeddings of tokens and positions."""
        x_BTD: Tensor = self.embedding_dropout(self.token_embeddings(ids_BT) + self.position_embeddings(positions_T))
        return x_BTD
