"""Llama 3 (Grattafiori et al. 2024, https://arxiv.org/abs/2407.21783): RoPE, RMSNorm, SwiGLU, grouped queries.

With as many key-value heads as query heads and with untied embeddings, it is also the model of the CS336 course.

transformers has the same model; its RoPE rotates pairs of one element from each half of a head, our RoPE rotates
pairs of neighbours.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Literal, Self

import torch
from pydantic import model_validator
from torch import Tensor

from lm.architecture import Architecture, Names, Sizes, Weights
from lm.attention import Attention, RoPE
from lm.config_base import ModelConfig, Rate, Size
from lm.layers import RMSNorm, SwiGLU
from lm.ops import Ops
from lm.transformer import Block, LanguageModel


class Llama3Config(ModelConfig):
    """Shape of a Llama 3; every group of n_heads / n_kv_heads query heads shares a key-value head."""

    architecture: Literal["llama3"]
    n_kv_heads: Size
    rope_theta: Rate = 500_000.0

    @model_validator(mode="after")
    def _check_key_value_heads(self) -> Self:
        if self.n_heads % self.n_kv_heads:
            raise ValueError(
                f"n_kv_heads: {self.n_kv_heads} does not divide n_heads {self.n_heads}; give a divisor of "
                f"{self.n_heads}"
            )
        if self.d_head % 2:
            raise ValueError(
                f"n_heads: the heads have the odd width {self.d_head}, but RoPE turns pairs of values; give another "
                "n_heads or d_model"
            )
        return self


class Llama3(LanguageModel):
    """The architecture of Llama 3.

    The position of a token has an effect only through the rotation of queries and keys.
    """

    def __init__(self, config: Llama3Config, ops: Ops) -> None:
        rope = RoPE(config.d_head, config.rope_theta, config.context_length)

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


def sizes(config: Llama3Config) -> Sizes:
    """Return the numbers for accounting."""
    d, d_ff, d_kv = config.d_model, config.d_ff, config.d_head * config.n_kv_heads
    projections = 2 * d * d + 2 * d * d_kv
    return Sizes(
        attention=projections,
        feed_forward=3 * d * d_ff,
        norm=d,
        attention_products=projections,
        feed_forward_products=3 * d * d_ff,
        # Inputs of the two norms, and results before scaling, since RMSNorm is not one kernel on a CPU; results after
        # scaling; queries, and the average of values; keys and values; the logarithm of a sum for each head; the
        # hidden layer 4 times; 1 statistic of each norm.
        kept_by_layer=(4 + 2 + 2) * d + 2 * d_kv + config.n_heads + 4 * d_ff + 2,
        kept_outside=3 * d + 1,
        # Sines and cosines, of queries and keys.
        kept_tables=4 * config.d_head,
    )


NAMES = Names(
    {
        "token_embeddings": "model.embed_tokens",
        "ln_final": "model.norm",
        "lm_head": "lm_head",
        "ln1": "input_layernorm",
        "ln2": "post_attention_layernorm",
        "attn.q_proj": "self_attn.q_proj",
        "attn.k_proj": "self_attn.k_proj",
        "attn.v_proj": "self_attn.v_proj",
        "attn.output_proj": "self_attn.o_proj",
        "ffn.w1": "mlp.gate_proj",
        "ffn.w2": "mlp.down_proj",
        "ffn.w3": "mlp.up_proj",
    },
    layers="model.layers",
)


def export_config(config: Llama3Config) -> dict[str, Any]:
    """Return the fields of transformers' `LlamaConfig`."""
    return {
        "architectures": ["LlamaForCausalLM"],
        "vocab_size": config.vocab_size,
        "max_position_embeddings": config.context_length,
        "hidden_size": config.d_model,
        "num_hidden_layers": config.n_layers,
        "num_attention_heads": config.n_heads,
        "num_key_value_heads": config.n_kv_heads,
        "intermediate_size": config.d_ff,
        "hidden_act": "silu",
        "rms_norm_eps": config.norm_eps,
        # Version 5 reads the mapping, version 4 the number.
        "rope_parameters": {"rope_type": "default", "rope_theta": config.rope_theta},
        "rope_theta": config.rope_theta,
        "tie_word_embeddings": config.tie_embeddings,
    }


def import_config(values: dict[str, Any]) -> dict[str, Any]:
    """Return the fields of our config; KeyError names a missing field, ValueError an unknown kind of RoPE."""
    rope = values.get("rope_parameters") or values.get("rope_scaling") or {}
    if rope.get("rope_type", "default") != "default":
        raise ValueError(f"the rope_type {rope['rope_type']!r} is not supported, only 'default' is")
    return {
        "vocab_size": values["vocab_size"],
        "context_length": values["max_position_embeddings"],
        "d_model": values["hidden_size"],
        "n_layers": values["num_hidden_layers"],
        "n_heads": values["num_attention_heads"],
        "n_kv_heads": values.get("num_key_value_heads") or values["num_attention_heads"],
        "d_ff": values["intermediate_size"],
        "norm_eps": values.get("rms_norm_eps", 1e-6),
        "rope_theta": float(rope.get("rope_theta") or values.get("rope_theta", 10_000.0)),
        "tie_embeddings": values.get("tie_word_embeddings", False),
    }


def export_weights(model: LanguageModel) -> Weights:
    """Return the weights of transformers' `LlamaForCausalLM`."""
    config = model.config
    theirs = {
        NAMES.theirs(name): _reorder(name, value, config, _to_halves) for name, value in model.state_dict().items()
    }
    if config.tie_embeddings:
        del theirs["lm_head.weight"]
    return theirs


def import_weights(theirs: Weights, config: Llama3Config) -> Weights:
    """Undo `export_weights`; KeyError names a missing weight."""
    own = {NAMES.ours(name): _reorder(name, value, config, _to_neighbours) for name, value in theirs.items()}
    if config.tie_embeddings:
        own["lm_head.weight"] = own["token_embeddings.weight"]
    return own


def _reorder(name: str, value: Tensor, config: ModelConfig, order: Callable[[Tensor], Tensor]) -> Tensor:
    """Reorder the rows of each head, [n_heads, d_head, d_model], in a weight that makes queries or keys."""
    if not name.endswith(("q_proj.weight", "k_proj.weight")):
        return value.clone()
    return order(value.reshape(-1, config.d_head, value.shape[1])).flatten(0, 1).contiguous()


def _to_halves(heads: Tensor) -> Tensor:
    return torch.cat([heads[:, 0::2], heads[:, 1::2]], dim=1)


def _to_neighbours(heads: Tensor) -> Tensor:
    return torch.stack(heads.chunk(2, dim=1), dim=2).flatten(1, 2)


ARCHITECTURE = Architecture(
    "llama3", Llama3Config, Llama3, sizes, "llama", export_config, import_config, export_weights, import_weights
)
