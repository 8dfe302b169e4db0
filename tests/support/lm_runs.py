"""What the trainer's tests share: a tiny text, its ids, and a config of a run that takes a second."""

from pathlib import Path
from typing import Any

import torch

from lm.config import RunConfig, check

# On a busy machine tiny operations on several threads mostly wait for each other.
torch.set_num_threads(1)

END = "<|endoftext|>"


def tiny_config(folder: Path, **changes: dict[str, Any]) -> RunConfig:
    """A run on 60 KB of stories below the folder; `training={"max_steps": 3}` changes single values."""
    values: dict[str, dict[str, Any]] = {
        "dataset": {"name": "stories", "source": "corpus", "path": "stories", "bytes": 60_000},
        "tokenizer": {"name": "tiny", "vocab_size": 320},
        "model": {
            "architecture": "gpt2",
            "vocab_size": 320,
            "context_length": 32,
            "d_model": 32,
            "n_layers": 2,
            "n_heads": 2,
            "d_ff": 64,
            "residual_dropout": 0.1,
        },
        "training": {
            "max_steps": 8,
            "device": "cpu",
            "log_interval": 1,
            "eval_interval": 4,
            "eval_batches": 3,
            "checkpoint_interval": 2,
            "sample_interval": 4,
            "sample_tokens": 8,
        },
        "data": {"folder": str(folder / "data"), "block_size": 32, "batch_size": 4},
    }
    for kind, values_of_kind in changes.items():
        values[kind] = {**values[kind], **values_of_kind}
    config: RunConfig = check(RunConfig, {"name": "tiny", **values}, "tiny")
    return config
