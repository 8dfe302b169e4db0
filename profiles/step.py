"""The work of a training step, the one part of profiles that needs PyTorch (extra `lm`).

The step belongs to the shipped run `stories-small`, with one of the small models. A workload gives the text and the
size of the vocabulary.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch

import lm
from bench.inputs import inputs_of
from data.workloads import Workload
from lm.accounting import predict_memory
from lm.batches import TrainBatches
from lm.config import RunConfig
from lm.config_files import load_run
from lm.memory import measure_memory
from lm.models import build
from lm.step import build_optimizer, learning_rate, optimizer_step

RUN = Path(lm.__file__).parent / "configs" / "stories-small.yaml"

STEPS = 4
"""Optimizer steps per call."""


def config_of(model: str, ops: str, vocab_size: int) -> RunConfig:
    """Return the shipped run with another model, other operations and another vocabulary, on the CPU."""
    sizes = [f"{kind}.vocab_size={vocab_size}" for kind in ("tokenizer", "model")]
    return load_run(RUN, {"model": model}, [*sizes, f"training.ops={ops}", "training.device=cpu"])


def prepare(model_name: str, ops: str, workload: Workload, threads: int) -> Callable[[], None]:
    """Return a call that takes `STEPS` steps with fresh weights: cut windows, forward, backward, clip, update.

    Args:
        model_name: the name of a config in lm/configs/models.
        ops: "reference" or "fused".
        workload: the workload whose text is encoded, by the encoder that `auto` takes.
        threads: number of threads of PyTorch.
    """
    torch.set_num_threads(threads)
    torch.manual_seed(0)
    prepared = inputs_of(workload)
    config = config_of(model_name, ops, workload.vocab_size)
    training = config.training
    batches = TrainBatches(prepared.tokenizer("auto").encode_to_array(prepared.content), config.data, training.seed)
    model = build(config.model, ops)
    optimizer = build_optimizer(model, training)
    device = torch.device("cpu")

    def work() -> None:
        feed = batches.loader(0, STEPS * training.accumulation)
        for step in range(STEPS):
            optimizer_step(model, optimizer, feed, training, learning_rate(training, step), device)

    return work


def tensor_bytes(model_name: str, ops: str, workload: Workload) -> dict[str, Any]:
    """Return the bytes of the tensors of a step by kind, as predicted from the shape of the model, and as measured.

    The result also holds the number of steps per call and the shape of a batch.
    """
    config = config_of(model_name, ops, workload.vocab_size)
    batch_size, block_size = config.data.batch_size, config.data.block_size
    return {
        "steps": STEPS,
        "batch_size": batch_size,
        "block_size": block_size,
        "predicted": vars(predict_memory(config.model, batch_size, block_size)),
        "measured": vars(measure_memory(config)),
    }
