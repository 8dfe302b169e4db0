"""GPT-2 (Radford et al. 2019): learned positions, LayerNorm before each half, multi-head attention, GELU.

transformers has the same model; transformers keeps the weights of products transposed, and keeps queries, keys and
values in one weight.
"""

from __future__ import annotations

from typing import Any, Literal

import torch
from torch import Tensor

from lm.architecture import Architecture, Names, Sizes, Weights
from lm.attention import Attention
from lm.config_base import ModelConfig, Share
from lm.layers import Dropout, Embedding, FeedForward, LayerNorm
from lm.ops import Ops
from lm.transformer import Block, LanguageModel


class GPT2Config(ModelConfig):
    """Shape of a GPT-2.

    Attributes:
        bias: whether all layers but the projections to queries, keys and values have a bias.
        qkv_bias: whether the projections to queries, keys and values have a bias.
    """

    architecture: Literal["gpt2"] = "gpt2"
    activation: Literal["gelu", "gelu_tanh"] = "gelu_tanh"
    bias: bool = True
    qkv_bias: bool = False
    embedding_dropout: Share = 0.0
    attention_dropout: Share = 0.0
    residual_dropout: Share = 0.0


class GPT2(LanguageModel):
    """The architecture of GPT-2, with names as in `lm.transformer`."""

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
        """Return the sum of the embeddings of tokens and positions, float[B, T, D]."""
        x_BTD: Tensor = self.embedding_dropout(self.token_embeddings(ids_BT) + self.position_embeddings(positions_T))
        return x_BTD


def sizes(config: GPT2Config) -> Sizes:
    """Return the numbers for accounting."""
    d, d_ff = config.d_model, config.d_ff
    return Sizes(
        attention=4 * d * d + 3 * d * config.qkv_bias + d * config.bias,
        feed_forward=2 * d * d_ff + (d_ff + d) * config.bias,
        norm=d * (1 + config.bias),
        positions=config.context_length * d,
        attention_products=4 * d * d,
        feed_forward_products=2 * d * d_ff,
        # Inputs of the two norms; results of the norms; queries, keys, values and their average; the logarithm of a
        # sum for each head; the hidden layer before and after GELU; 2 statistics of each norm.
        kept_by_layer=(2 + 2 + 4) * d + config.n_heads + 2 * d_ff + 2 * 2,
        kept_outside=2 * d + 2,
    )


NAMES = Names(
    {
        "token_embeddings": "transformer.wte",
        "position_embeddings": "transformer.wpe",
        "ln_final": "transformer.ln_f",
        "lm_head": "lm_head",
        "ln1": "ln_1",
        "ln2": "ln_2",
        "attn.output_proj": "attn.c_proj",
        "ffn.w1": "mlp.c_fc",
        "ffn.w2": "mlp.c_proj",
    },
    layers="transformer.h",
)
QKV = ("attn.q_proj", "attn.k_proj", "attn.v_proj")
"""The modules of ours that transformers joins to one module, `attn.c_attn`."""


def export_config(config: GPT2Config) -> dict[str, Any]:
    """Return the fields of transformers' `GPT2Config`."""
    return {
        "architectures": ["GPT2LMHeadModel"],
        "vocab_size": config.vocab_size,
        "n_positions": config.context_length,
        "n_embd": config.d_model,
        "n_layer": config.n_layers,
        "n_head": config.n_heads,
        "n_inner": config.d_ff,
        "activation_function": "gelu_new" if config.activation == "gelu_tanh" else "gelu",
        "layer_norm_epsilon": config.norm_eps,
        "embd_pdrop": config.embedding_dropout,
        "attn_pdrop": config.attention_dropout,
        "resid_pdrop": config.residual_dropout,
        "tie_word_embeddings": config.tie_embeddings,
    }


def import_config(values: dict[str, Any]) -> dict[str, Any]:
    """Return the fields of our config; KeyError names a missing field."""
    return {
        "vocab_size": values["vocab_size"],
        "context_length": values["n_positions"],
        "d_model": values["n_embd"],
        "n_layers": values["n_layer"],
        "n_heads": values["n_head"],
        "d_ff": values.get("n_inner") or 4 * values["n_embd"],
        "norm_eps": values.get("layer_norm_epsilon", 1e-5),
        "activation": "gelu" if values.get("activation_function") == "gelu" else "gelu_tanh",
        "qkv_bias": True,
        "tie_embeddings": values.get("tie_word_embeddings", True),
    }


def export_weights(model: LanguageModel) -> Weights:
    """Return the weights of transformers' `GPT2LMHeadModel`.

    A bias that our model lacks is a vector of zeros there.
    """
    config, own, zero = model.config, model.state_dict(), torch.zeros(model.config.d_model)
    theirs: Weights = {}
    for layer in range(config.n_layers):
        qkv, joined = [f"layers.{layer}.{name}" for name in QKV], f"{NAMES.layers}.{layer}.attn.c_attn"
        theirs[f"{joined}.weight"] = torch.cat([own[f"{name}.weight"] for name in qkv]).T.contiguous()
        theirs[f"{joined}.bias"] = torch.cat([own.get(f"{name}.bias", zero) for name in qkv])
    for name, value in own.items():
        if any(projection in name for projection in QKV):
            continue
        new = NAMES.theirs(name)
        theirs[new] = value.T.contiguous() if _is_product(new) else value.clone()
        may_have_bias = new.endswith(".weight") and ("ln_" in new or _is_product(new))
        if may_have_bias and name.replace("weight", "bias") not in own:
            theirs[new.replace("weight", "bias")] = torch.zeros(value.shape[0])
    if config.tie_embeddings:
        del theirs["lm_head.weight"]
    return theirs


def import_weights(theirs: Weights, config: GPT2Config) -> Weights:
    """Undo `export_weights`; KeyError names a missing weight."""
    own: Weights = {}
    for name, value in theirs.items():
        name = name if name.startswith(("transformer.", "lm_head.")) else f"transformer.{name}"
        if name.endswith((".attn.bias", ".attn.masked_bias")):  # Old files also hold masks.
            continue
        new = NAMES.ours(name)
        if ".attn.c_attn." in name:
            parts = (value.T if value.ndim == 2 else value).chunk(3)
            for projection, rows in zip(QKV, parts, strict=True):
                own[new.replace("attn.c_attn", projection)] = rows.contiguous()
        else:
            own[new] = value.T.contiguous() if _is_product(name) else value
    if config.tie_embeddings:
        own["lm_head.weight"] = own["token_embeddings.weight"]
    drop = [] if config.qkv_bias else [f"{projection}.bias" for projection in QKV]
    drop += [] if config.bias else ["output_proj.bias", "w1.bias", "w2.bias", "ln1.bias", "ln2.bias", "ln_final.bias"]
    return {name: value for name, value in own.items() if not name.endswith(tuple(drop))}


def _is_product(name: str) -> bool:
    """Tell whether a weight of transformers is the matrix of a product, which transformers keeps transposed."""
    return name.endswith(("c_attn.weight", "c_proj.weight", "c_fc.weight"))


ARCHITECTURE = Architecture(
    "gpt2", GPT2Config, GPT2, sizes, "gpt2", export_config, import_config, export_weights, import_weights
)
