"""Writes a trained model as a folder that transformers can load, with weights and tokenizer.

The sub-folder `tokenizer` has the tokenizer in this project's format, which `lm.trained` loads. `digests.json` lists
the digest of every file, which `lm.trained` checks.
"""

from __future__ import annotations

import json
from pathlib import Path

import safetensors.torch

from impls.digests import MANIFEST, write_manifest
from impls.errors import UsageError
from impls.folders import claimed
from impls.formats import tokenizer_json
from impls.storage import atomic_writer
from lm.models import architecture_of
from lm.trained import Trained

FILES = ("config.json", "model.safetensors", "tokenizer_config.json", "tokenizer.json")
"""Names in the folder, besides the sub-folder and the digests."""


def export(trained: Trained, folder: Path) -> str | None:
    """Write a folder that `AutoModelForCausalLM` and `AutoTokenizer` load, with the same logits and the same ids.

    Returns:
        Why `AutoTokenizer` cannot load the folder, if its format cannot carry the tokenizer.

    Raises:
        FileFormatError: the folder cannot be written, or holds anything but an earlier export.
    """
    with claimed(folder, "export", {*FILES, "tokenizer", MANIFEST}):
        _write_model(trained, folder)
        trained.tokenizer.save(folder / "tokenizer")
        reason = _write_tokenizer(trained, folder)
        files = [path for path in (*map(folder.joinpath, FILES), *(folder / "tokenizer").iterdir()) if path.is_file()]
        write_manifest(folder, [str(path.relative_to(folder)) for path in files])
    return reason


def _write_model(trained: Trained, folder: Path) -> None:
    """Write weights and config.json; config.json also holds our own config, which has more fields."""
    config = trained.model.config
    row = architecture_of(config)
    values = {
        "model_type": row.model_type,
        **row.export_config(config),
        "eos_token_id": trained.eos_id,
        "bos_token_id": trained.eos_id,
        "dtype": "float32",
        "mergelab": config.model_dump(mode="json"),
    }
    with atomic_writer(folder / "model.safetensors") as file:
        file.write(safetensors.torch.save(row.export_weights(trained.model), {"format": "pt"}))
    with atomic_writer(folder / "config.json") as file:
        file.write(json.dumps(values, indent=2).encode())


def _write_tokenizer(trained: Trained, folder: Path) -> str | None:
    """Write the tokenizer in the format of transformers; if that is not possible, return the reason."""
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
        (folder / "tokenizer.json").unlink(missing_ok=True)  # An earlier export may have left this file.
        return str(error)
    return None
