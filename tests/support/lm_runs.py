"""What the trainer's tests share: the config of a run that takes a second, and ways to look at what it leaves."""

import os
import resource
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch

from impls.digests import sealed
from lm.checkpoint import read_checkpoint
from lm.config import RunConfig, check
from tests.support import ROOT

# On a busy machine tiny operations on several threads mostly wait for each other.
torch.set_num_threads(1)

END = "<|endoftext|>"

ENVIRONMENT = {**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"}
"""Of the real command."""


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


def quiet(_: str) -> None:
    """Say nothing."""


def contents(folder: Path) -> dict[str, bytes]:
    """Name and content of each file in a folder."""
    return {path.name: path.read_bytes() for path in folder.iterdir() if path.is_file()}


def weights(folder: Path) -> dict[str, torch.Tensor]:
    """The weights at the end of a run."""
    return read_checkpoint(folder / "checkpoints" / "last.pt")["model"]


def write_sealed(path: Path, state: object) -> None:
    """Write anything as if it were a checkpoint, with a digest that is right."""
    with path.open("wb") as file, sealed(file) as output:
        torch.save(state, output)


def assert_same(ours: dict[str, torch.Tensor], theirs: dict[str, torch.Tensor]) -> None:
    """Both have the same names and the same bits."""
    assert ours.keys() == theirs.keys()
    for name in ours:
        assert torch.equal(ours[name], theirs[name]), name


def without_times(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Metrics as they are in every run."""
    return [{k: v for k, v in row.items() if k not in ("seconds", "tokens_per_second")} for row in rows]


@contextmanager
def files_of_at_most(n_bytes: int) -> Iterator[None]:
    """What a full disk is to a writer: an error in the midst of a file."""
    limit = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (n_bytes, limit[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limit)
