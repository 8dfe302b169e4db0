"""Models to and from folders that transformers loads, weights and tokenizer.

The sub-folder `tokenizer` has the tokenizer in this project's format, which is what we load.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import safetensors
import safetensors.torch
import torch
from torch import Tensor

from impls import Tokenizer
from impls.errors import FileFormatError, UsageError
from impls.formats import tokenizer_json
from impls.storage import atomic_writer
from lm.batches import open_tokenizer
from lm.checkpoint import latest, load_checkpoint, load_weights
from lm.config import GPT2Config, Llama3Config, ModelConfig, check, load_run
from lm.model import build
from lm.transformer import LanguageModel

Weights = dict[str, Tensor]

GPT2_NAMES = {
    "token_embeddings": "transformer.wte",
    "position_embeddings": "transformer.wpe",
    "ln_final": "transformer.ln_f",
    "lm_head": "lm_head",
    "ln1": "ln_1",
    "ln2": "ln_2",
    "attn.output_proj": "attn.c_proj",
    "ffn.w1": "mlp.c_fc",
    "ffn.w2": "mlp.c_proj",
}
LLAMA_NAMES = {
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
}
"""Our name of a module, inside a layer without its number, to that of transformers."""


@dataclass(frozen=True)
class Trained:
    """A model with all that is needed to use it."""

    model: LanguageModel
    tokenizer: Tokenizer
    eos_id: int | None


def load_trained(source: Path, device: str | torch.device = "cpu") -> Trained:
    """Load a run folder, a checkpoint in one, or a folder that `export` wrote.

    Raises:
        FileFormatError: nothing was trained there, or a file is damaged.
    """
    if (source / "model.safetensors").exists():
        model, own = load_folder(source), _read_json(source / "config.json")
        return Trained(model.to(device), Tokenizer.load(source / "tokenizer"), own.get("eos_token_id"))
    folder = source.parent.parent if source.is_file() else source
    path = source if source.is_file() else latest(source)
    if not (folder / "config.yaml").exists():
        raise FileFormatError(f"{source}: is no checkpoint in a run folder, which has a config.yaml")
    config = load_run(folder / "config.yaml")
    model = build(config.model, config.training.ops)
    state = load_checkpoint(path, model)
    tokenizer, eos_id = open_tokenizer(Path(config.data.folder))
    if state.get("tokenizer") != tokenizer.fingerprint():
        raise FileFormatError(f"{path}: was trained with another tokenizer than the one in {config.data.folder}")
    return Trained(model.to(device), tokenizer, eos_id)


def export(trained: Trained, folder: Path) -> str | None:
    """Write a folder that `transformers` loads, `AutoModelForCausalLM` and `AutoTokenizer`: same logits, same ids.

    Returns:
        Why `AutoTokenizer` cannot load it, if its format cannot carry the tokenizer.

    Raises:
        FileFormatError: the folder cannot be written.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise FileFormatError(f"{folder}: {error.strerror}; give a folder") from None
    config = trained.model.config
    gpt2 = isinstance(config, GPT2Config)
    weights = (to_gpt2 if gpt2 else to_llama)(trained.model)
    values = _gpt2_config(config) if isinstance(config, GPT2Config) else _llama_config(config)
    values |= {"eos_token_id": trained.eos_id, "bos_token_id": trained.eos_id, "dtype": "float32"}
    values["mergelab"] = config.model_dump(mode="json")
    with atomic_writer(folder / "model.safetensors") as file:
        file.write(safetensors.torch.save(weights, {"format": "pt"}))
    with atomic_writer(folder / "config.json") as file:
        file.write(json.dumps(values, indent=2).encode())
    trained.tokenizer.save(folder / "tokenizer")
    return _write_tokenizer(trained, folder)


def _write_tokenizer(trained: Trained, folder: Path) -> str | None:
    """Write the tokenizer as transformers reads it; return why not, if that is not possible."""
    own = trained.tokenizer
    eos = next((token for token, token_id in own.special_tokens.items() if token_id == trained.eos_id), None)
    settings = {
        # The class of GPT-2 has a split pattern of its own; without a tokenizer.json it would be an empty tokenizer.
        "tokenizer_class": "PreTrainedTokenizerFast",
        "model_max_length": trained.model.config.context_length,
        "clean_up_tokenization_spaces": False,
        "bos_token": eos,
        "eos_token": eos,
    }
    with atomic_writer(folder / "tokenizer_config.json") as file:
        file.write(json.dumps(settings, ensure_ascii=False, indent=2).encode())
    try:
        tokenizer_json.write(folder / "tokenizer.json", own.definition)
    except UsageError as error:
        (folder / "tokenizer.json").unlink(missing_ok=True)  # Of another tokenizer, if there is one.
        return str(error)
    return None


def upload(folder: Path, repository: str) -> str:
    """Send an exported folder to a Hugging Face hub: `HF_ENDPOINT` chooses which, `HF_TOKEN` lets in.

    Returns:
        The address of the commit.

    Raises:
        FileFormatError: the hub does not answer or does not let us.
    """
    from huggingface_hub import HfApi
    from huggingface_hub.errors import HfHubHTTPError, HFValidationError

    api = HfApi(endpoint=os.environ.get("HF_ENDPOINT"))
    try:
        api.create_repo(repository, exist_ok=True)
        return str(api.upload_folder(folder_path=folder, repo_id=repository, commit_message="Model by mergelab"))
    except (HfHubHTTPError, HFValidationError, OSError) as error:
        raise FileFormatError(f"{repository}: cannot be uploaded: {str(error).strip().splitlines()[0]}") from None


def load_folder(folder: Path, ops: str = "fused") -> LanguageModel:
    """Build the model of a folder in transformers' format, GPT-2 or Llama; code in it is never run.

    Raises:
        FileFormatError: a file is missing or damaged, or the architecture is another.
    """
    values = _read_json(folder / "config.json")
    config = check(ModelConfig, values.get("mergelab") or _from_transformers(values, folder), str(folder))
    path = folder / "model.safetensors"
    try:
        weights = safetensors.torch.load_file(path)
    except (OSError, safetensors.SafetensorError) as error:
        raise FileFormatError(f"{path}: {str(error).splitlines()[0]}; give a safetensors file") from None
    model = build(config, ops)
    try:
        renamed = from_gpt2(weights, config) if isinstance(config, GPT2Config) else from_llama(weights, config)
    except KeyError as error:
        raise FileFormatError(f"{path}: is of another model: it lacks {error.args[0]}") from None
    load_weights(model, renamed, path)
    return model


def to_gpt2(model: LanguageModel) -> Weights:
    """Return the weights under transformers' names: products transposed, queries, keys and values in one."""
    config, own = model.config, model.state_dict()
    theirs: Weights = {}
    for layer in range(config.n_layers):
        qkv = [own[f"layers.{layer}.attn.{part}_proj.weight"] for part in "qkv"]
        theirs[f"transformer.h.{layer}.attn.c_attn.weight"] = torch.cat(qkv).T.contiguous()
        biases = [own.get(f"layers.{layer}.attn.{part}_proj.bias") for part in "qkv"]
        theirs[f"transformer.h.{layer}.attn.c_attn.bias"] = torch.cat(
            [torch.zeros(config.d_model) if bias is None else bias for bias in biases]
        )
    for name, value in own.items():
        if "attn.q_proj" in name or "attn.k_proj" in name or "attn.v_proj" in name:
            continue
        new = _rename(name, GPT2_NAMES, "transformer.h")
        theirs[new] = value.T.contiguous() if _is_product(new) else value.clone()
        # transformers' GPT-2 always has biases; one of zeros does nothing.
        if (
            new.endswith(".weight")
            and ("ln_" in new or _is_product(new))
            and name.replace("weight", "bias") not in own
        ):
            theirs[new.replace("weight", "bias")] = torch.zeros(value.shape[0])
    if config.tie_embeddings:
        del theirs["lm_head.weight"]
    return theirs


def from_gpt2(theirs: Weights, config: GPT2Config) -> Weights:
    """Undo `to_gpt2`."""
    names = {theirs_: ours for ours, theirs_ in GPT2_NAMES.items()}
    own: Weights = {}
    for name, value in theirs.items():
        name = name if name.startswith(("transformer.", "lm_head.")) else f"transformer.{name}"
        if name.endswith((".attn.bias", ".attn.masked_bias")):  # Masks that old files carry.
            continue
        new = _rename(name, names, "layers")
        if ".attn.c_attn." in name:
            parts = (value.T if value.ndim == 2 else value).chunk(3)
            for part, rows in zip("qkv", parts, strict=True):
                own[new.replace("c_attn", f"{part}_proj")] = rows.contiguous()
        else:
            own[new] = value.T.contiguous() if _is_product(name) else value
    if config.tie_embeddings:
        own["lm_head.weight"] = own["token_embeddings.weight"]
    drop = [] if config.qkv_bias else ["q_proj.bias", "k_proj.bias", "v_proj.bias"]
    drop += [] if config.bias else ["output_proj.bias", "w1.bias", "w2.bias", "ln1.bias", "ln2.bias", "ln_final.bias"]
    return {name: value for name, value in own.items() if not name.endswith(tuple(drop))}


def to_llama(model: LanguageModel) -> Weights:
    """Return the weights under transformers' names; it turns halves of a head, we turn neighbours."""
    config = model.config
    theirs = {
        _rename(name, LLAMA_NAMES, "model.layers"): _reorder(name, value, config, _to_halves)
        for name, value in model.state_dict().items()
    }
    if config.tie_embeddings:
        del theirs["lm_head.weight"]
    return theirs


def from_llama(theirs: Weights, config: Llama3Config) -> Weights:
    """Undo `to_llama`."""
    names = {theirs_: ours for ours, theirs_ in LLAMA_NAMES.items()}
    own = {
        _rename(name, names, "layers"): _reorder(name, value, config, _to_neighbours)
        for name, value in theirs.items()
    }
    if config.tie_embeddings:
        own["lm_head.weight"] = own["token_embeddings.weight"]
    return own


def _rename(name: str, names: dict[str, str], layers: str) -> str:
    """Rename a weight; those inside a layer keep its number behind the prefix `layers`."""
    module, _, kind = name.rpartition(".")
    if module in names:
        return f"{names[module]}.{kind}"
    for prefix in ("transformer.h.", "model.layers.", "layers."):
        if module.startswith(prefix):
            number, _, inner = module.removeprefix(prefix).partition(".")
            return f"{layers}.{number}.{names.get(inner, inner)}.{kind}"
    return name


def _is_product(name: str) -> bool:
    return name.endswith(("c_attn.weight", "c_proj.weight", "c_fc.weight"))


def _reorder(name: str, value: Tensor, config: ModelConfig, order: Callable[[Tensor], Tensor]) -> Tensor:
    if not name.endswith(("q_proj.weight", "k_proj.weight")):
        return value.clone()
    d_head = config.d_model // config.n_heads
    return order(value.reshape(-1, d_head, value.shape[1])).flatten(0, 1).contiguous()


def _to_halves(heads: Tensor) -> Tensor:
    return torch.cat([heads[:, 0::2], heads[:, 1::2]], dim=1)


def _to_neighbours(heads: Tensor) -> Tensor:
    return torch.stack(heads.chunk(2, dim=1), dim=2).flatten(1, 2)


def _gpt2_config(config: GPT2Config) -> dict[str, Any]:
    return {
        "architectures": ["GPT2LMHeadModel"],
        "model_type": "gpt2",
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


def _llama_config(config: Llama3Config) -> dict[str, Any]:
    return {
        "architectures": ["LlamaForCausalLM"],
        "model_type": "llama",
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


def _from_transformers(values: dict[str, Any], folder: Path) -> dict[str, Any]:
    """Translate a config.json of transformers."""
    kind = values.get("model_type")
    try:
        if kind == "gpt2":
            return {
                "architecture": "gpt2",
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
        if kind == "llama":
            rope = values.get("rope_parameters") or values.get("rope_scaling") or {}
            if rope.get("rope_type", "default") != "default":
                raise FileFormatError(
                    f"{folder}/config.json: RoPE of the type {rope['rope_type']!r} is not supported"
                )
            return {
                "architecture": "llama3",
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
    except KeyError as error:
        raise FileFormatError(f"{folder}/config.json: lacks {error.args[0]}") from None
    raise FileFormatError(f"{folder}/config.json: model_type {kind!r} is not gpt2 or llama")


def _read_json(path: Path) -> dict[str, Any]:
    try:
        values = json.loads(path.read_bytes())
    except OSError as error:
        raise FileFormatError(f"{path}: {error.strerror}") from None
    except ValueError:
        values = None
    if not isinstance(values, dict):
        raise FileFormatError(f"{path}: is not a JSON object")
    return values
