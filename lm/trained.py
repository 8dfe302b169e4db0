"""A trained model with its tokenizer, from a run, a checkpoint, or a folder in the format of transformers."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import safetensors
import safetensors.torch
import torch

from impls import Tokenizer
from impls.digests import check_manifest
from impls.errors import FileFormatError, shown
from lm.batches import open_tokenizer
from lm.checkpoint import GIVE_CONFIG, check_size, latest, load_checkpoint, load_weights
from lm.config import AnyModelConfig, check
from lm.config_base import ModelConfig
from lm.config_files import load_run
from lm.documents import SEPARATOR
from lm.models import ARCHITECTURES, architecture_of, build
from lm.settings import check_settings
from lm.transformer import LanguageModel


@dataclass(frozen=True)
class Trained:
    """A model with everything that is needed to use it.

    Attributes:
        eos_id: the id that ends a document, if there is one.
        separator: the text that stood after each document in training.
        block_size: ids in a window in training; None if it is not known.
    """

    model: LanguageModel
    tokenizer: Tokenizer
    eos_id: int | None
    separator: str = SEPARATOR
    block_size: int | None = None


def load_trained(source: Path, device: str | torch.device = "cpu") -> Trained:
    """Load a run folder, a checkpoint in a run folder, or a folder that `lm.export` wrote.

    Raises:
        FileFormatError: the source holds no trained model, or a file is damaged.
    """
    return (_load_export if (source / "model.safetensors").exists() else _load_run)(source, device)


def _load_export(folder: Path, device: str | torch.device) -> Trained:
    model, values = load_folder(folder), _read_json(folder / "config.json")
    tokenizer, eos_id = Tokenizer.load(folder / "tokenizer"), values.get("eos_token_id")
    if eos_id is not None and (type(eos_id) is not int or eos_id not in tokenizer.vocab):
        path = folder / "config.json"
        raise FileFormatError(f"{path}: eos_token_id {shown(eos_id)} is not an id of the tokenizer; export again")
    separator = SEPARATOR if eos_id is None else tokenizer.vocab[eos_id].decode(errors="replace")
    return Trained(model.to(device), tokenizer, eos_id, separator)


def _load_run(source: Path, device: str | torch.device) -> Trained:
    folder = run_folder(source)
    path = source if source.is_file() else latest(source)
    if not (folder / "config.yaml").exists():
        raise FileFormatError(
            f"{source}: {folder} has no config.yaml, so it is not a run folder; give a run folder, or a "
            "checkpoint in one"
        )
    config = load_run(folder / "config.yaml")
    check_size(config.model, path)
    model = build(config.model, config.training.ops)
    state = load_checkpoint(path, model)
    check_settings(config, state, path)
    tokenizer, eos_id = open_tokenizer(Path(config.data.folder))
    if state.get("tokenizer") != tokenizer.fingerprint():
        raise FileFormatError(
            f"{path}: was trained with another tokenizer than the one in {config.data.folder}; restore that folder"
        )
    return Trained(model.to(device), tokenizer, eos_id, config.dataset.separator, config.data.block_size)


def run_folder(source: Path) -> Path:
    """Return the run folder of a source; the source is a run folder, or a checkpoint in a run folder."""
    return source.parent.parent if source.is_file() else source


def load_folder(folder: Path, ops: str = "fused") -> LanguageModel:
    """Build the model of a folder in the format of transformers; code in the folder is never run.

    Raises:
        FileFormatError: a file is missing or damaged, or there is no such architecture.
    """
    check_manifest(folder, ("config.json", "model.safetensors"))
    values = _read_json(folder / "config.json")
    config: ModelConfig = check(AnyModelConfig, values.get("mergelab") or _translated(values, folder), str(folder))
    path = folder / "model.safetensors"
    check_size(config, path)
    try:
        theirs = safetensors.torch.load_file(path)
    except (OSError, safetensors.SafetensorError) as error:
        raise FileFormatError(f"{path}: {str(error).splitlines()[0]}; give a safetensors file") from None
    model = build(config, ops)
    try:
        weights = architecture_of(config).import_weights(theirs, config)
    except KeyError as error:
        raise FileFormatError(
            f"{path}: is of another model: it lacks the weight {error.args[0]}; {GIVE_CONFIG}"
        ) from None
    except (ValueError, IndexError, RuntimeError):
        raise FileFormatError(f"{path}: is of another model: a weight has another shape; {GIVE_CONFIG}") from None
    load_weights(model, weights, path)
    return model


def _translated(values: dict[str, Any], folder: Path) -> dict[str, Any]:
    """Translate the values of transformers' config.json to the fields of our config."""
    path, kind = folder / "config.json", values.get("model_type")
    row = next((row for row in ARCHITECTURES.values() if row.model_type == kind), None)
    if row is None:
        known = " or ".join(row.model_type for row in ARCHITECTURES.values())
        raise FileFormatError(f"{path}: the model_type {kind!r} is not supported; give a model of the type {known}")
    try:
        return {"architecture": row.name, **row.import_config(values)}
    except KeyError as error:
        raise FileFormatError(f"{path}: the field {error.args[0]} is missing; restore the file") from None
    except (ValueError, TypeError, AttributeError, OverflowError) as error:
        raise FileFormatError(f"{path}: {error}; give another model") from None


def _read_json(path: Path) -> dict[str, Any]:
    try:
        values = json.loads(path.read_bytes())
    except OSError as error:
        raise FileFormatError(f"{path}: {error.strerror}; give a folder that `python -m lm export` wrote") from None
    except (ValueError, RecursionError):
        values = None
    if not isinstance(values, dict):
        raise FileFormatError(f"{path}: is not a JSON object; export the model again")
    return values
