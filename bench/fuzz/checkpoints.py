"""Mutated checkpoints of a small model."""

from __future__ import annotations

import io
import tempfile
from functools import cache
from pathlib import Path
from random import Random
from typing import Any

import torch

from bench.fuzz.kind import Case, Difference, Kind, compared
from bench.fuzz.mutations import mutated, refused_or
from lm.checkpoint import load_checkpoint, save_checkpoint
from lm.config import TrainingConfig
from lm.models import build
from lm.models.gpt2 import GPT2Config
from lm.step import build_optimizer
from lm.transformer import LanguageModel

MODEL = GPT2Config(
    architecture="gpt2", vocab_size=8, context_length=4, d_model=4, n_layers=1, n_heads=1, d_ff=4
)  # fmt: skip


def model() -> LanguageModel:
    """Return a small model whose weights are the same on every machine."""
    made = build(MODEL)
    with torch.no_grad():
        for number, parameter in enumerate(made.parameters()):
            parameter.copy_(torch.arange(parameter.numel()).reshape(parameter.shape) + number)
    return made


def trainable() -> tuple[LanguageModel, torch.optim.Optimizer]:
    """Return a model and its optimizer after one step."""
    made = model()
    optimizer = build_optimizer(made, TrainingConfig(max_steps=1))
    made(torch.zeros((1, 4), dtype=torch.int64), torch.ones((1, 4), dtype=torch.int64)).backward()
    optimizer.step()
    return made, optimizer


@cache
def intact() -> bytes:
    """Return the bytes of an intact checkpoint."""
    torch.manual_seed(0)
    file = io.BytesIO()
    made, optimizer = trainable()
    save_checkpoint(file, made, optimizer, 1)
    return file.getvalue()


def plain(values: Any) -> Any:
    """Return a state in which lists of numbers replace the tensors, so that two states can be compared."""
    if isinstance(values, dict):
        return {key: plain(value) for key, value in values.items()}
    if isinstance(values, list | tuple):
        return [plain(value) for value in values]
    return values.tolist() if isinstance(values, torch.Tensor) else values


def loaded(path: Path) -> Any:
    """Load a checkpoint and return weights, optimizer and step."""
    made, optimizer = trainable()
    state = load_checkpoint(path, made, optimizer)
    return plain([made.state_dict(), optimizer.state_dict(), state["step"]])


def make(random: Random) -> Case:
    """Return a mutated checkpoint."""
    return Case(mutated(random, intact()))


def check(case: Case) -> Difference | None:
    """Load the mutated checkpoint; compare weights, optimizer and step with the intact ones."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "last.pt"
        path.write_bytes(intact())
        expected = loaded(path)
        path.write_bytes(case.content)
        return refused_or(lambda: compared(expected, loaded(path), "loaded"))


KIND = Kind("A damaged checkpoint is refused, or loads with intact content.", make, check)
