"""A training step and its parts: loss and gradients of some batches, clipping, update by the optimizer."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, nullcontext

import torch
from torch import Tensor
from torch.nn import Module
from torch.optim import Optimizer

from lm.batches import TrainBatches
from lm.config import TrainingConfig
from lm.ops import pick
from lm.optim import SGD, cosine_schedule
from lm.transformer import LanguageModel


def optimizer_step(
    model: Module,
    optimizer: Optimizer,
    feed: Iterator[tuple[Tensor, Tensor]],
    training: TrainingConfig,
    rate: float,
    device: torch.device,
) -> tuple[Tensor, float]:
    """Take one step on `accumulation` batches.

    Args:
        model: called with x and y, returns their loss.
        optimizer: changes the parameters.
        feed: yields x and y, int64[B, T] each.
        training: the config of the training loop.
        rate: the learning rate.
        device: where the model is.

    Returns:
        The mean loss of the batches, float32[], and the norm of the gradient before clipping.
    """
    for group in optimizer.param_groups:
        group["lr"] = rate
    total = torch.zeros((), device=device)
    for part in range(training.accumulation):
        x, y = (ids.to(device, non_blocking=True) for ids in next(feed))
        with _unsynchronised(model, part + 1 < training.accumulation):
            with precision(training, device):
                loss = model(x, y) / training.accumulation
            loss.backward()
        total += loss.detach()
    parameters = [parameter for group in optimizer.param_groups for parameter in group["params"]]
    norm = pick(training.ops).clip_gradients(parameters, training.grad_clip or math.inf)
    optimizer.step()
    optimizer.zero_grad(set_to_none=True)
    return total, float(norm)


def precision(training: TrainingConfig, device: torch.device) -> AbstractContextManager[None]:
    """Return the context in which the model computes in the precision of the config."""
    if training.precision == "fp32":
        return nullcontext()
    return torch.autocast(device.type, torch.bfloat16)


def _unsynchronised(model: Module, wanted: bool) -> AbstractContextManager[None]:
    """If `wanted`, do not average gradients over processes; only the last batch of a step averages them."""
    no_sync: Callable[[], AbstractContextManager[None]] | None = getattr(model, "no_sync", None)
    return no_sync() if wanted and no_sync is not None else nullcontext()


def build_optimizer(model: LanguageModel, training: TrainingConfig) -> Optimizer:
    """Build the optimizer that the config names."""
    groups = model.parameter_groups(training.weight_decay)
    if training.optimizer == "sgd":
        return SGD(groups, lr=training.learning_rate)
    betas = (training.beta1, training.beta2)
    return pick(training.ops).adamw(groups, training.learning_rate, betas, training.eps, training.weight_decay)


def learning_rate(training: TrainingConfig, step: int) -> float:
    """Return the learning rate of a step, counted from 0: the schedule's rate of `step + 1`, which is never 0."""
    cosine = training.schedule == "cosine"
    return cosine_schedule(
        step + 1,
        maximum=training.learning_rate,
        minimum=training.min_learning_rate if cosine else training.learning_rate,
        warmup_steps=round(training.warmup_ratio * training.max_steps),
        cosine_steps=training.max_steps,
    )


def compiled(
    model: LanguageModel,
    training: TrainingConfig,
    batches: TrainBatches,
    device: torch.device,
    say: Callable[[str], None],
) -> Module:
    """Compile the model and try it on a batch.

    If there is no compiler, or the compiler fails, return the model uncompiled.
    """
    if not training.compile:
        return model
    devices = [device] if device.type == "cuda" else []
    try:
        with torch.random.fork_rng(devices):
            module: Module = torch.compile(model)  # type: ignore[assignment]
            x, y = (ids.to(device) for ids in batches[0])
            with precision(training, device):
                loss = module(x, y)
            loss.backward()
    except Exception as error:  # The compiler may raise any error; eager code does the same work.
        say(f"torch.compile failed, going on without it: {str(error).strip().splitlines()[0]}")
        module = model
    model.zero_grad(set_to_none=True)
    return module
