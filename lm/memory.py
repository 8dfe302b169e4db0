"""Measures the memory of a training step, to compare it with `lm.accounting`, and finds the largest batch."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import torch
from torch import Tensor

from impls.command_line import is_out_of_memory
from impls.errors import MergelabError
from lm.accounting import (
    Memory,
    adamw_flops,
    count_parameters,
    forward_flops,
    parameter_table,
    predict_memory,
    training_days,
    training_flops_per_token,
)
from lm.config import RunConfig
from lm.models import build
from lm.processes import find_device
from lm.step import build_optimizer, optimizer_step


class DoesNotFitError(MergelabError):
    """A single window does not fit into memory."""


def measure_memory(config: RunConfig) -> Memory:
    """Build the model, take a step on random ids, and count the bytes of all tensors in memory."""
    training = config.training
    device = find_device(training.device)
    model = build(config.model, training.ops).to(device)
    optimizer = build_optimizer(model, training)
    parameters = {p.untyped_storage().data_ptr(): p for p in model.parameters()}
    buffers = {b.untyped_storage().data_ptr() for b in model.buffers()}
    kept: dict[int, int] = {}

    def note(tensor: Tensor) -> Tensor:
        storage = tensor.untyped_storage()
        if storage.data_ptr() not in parameters and storage.data_ptr() not in buffers:
            kept[storage.data_ptr()] = storage.nbytes()
        return tensor

    x, y = _random_batch(config, config.data.batch_size, device)
    with torch.autograd.graph.saved_tensors_hooks(note, lambda tensor: tensor):
        loss = model(x, y)
    loss.backward()
    gradients = sum(p.grad.nbytes for p in parameters.values() if p.grad is not None)
    optimizer.step()
    states = sum(
        value.nbytes
        for state in optimizer.state.values()
        for value in state.values()
        if isinstance(value, Tensor) and value.ndim
    )
    return Memory(sum(p.nbytes for p in parameters.values()), gradients, states, sum(kept.values()))


def largest_batch(config: RunConfig, limit: int) -> int:
    """Return the largest batch, up to `limit` windows, whose step fits into the memory of the device.

    Raises:
        DoesNotFitError: a single window does not fit.
    """
    device = find_device(config.training.device)

    def attempt(batch_size: int) -> None:
        model = build(config.model, config.training.ops).to(device)
        optimizer = build_optimizer(model, config.training)
        batch = _random_batch(config, batch_size, device)
        one = config.training.model_copy(update={"accumulation": 1})
        optimizer_step(model, optimizer, iter([batch]), one, 0.0, device)

    return search(attempt, limit)


def search(attempt: Callable[[int], None], limit: int) -> int:
    """Return the largest n, up to `limit`, with which `attempt(n)` does not run out of memory.

    n is doubled while it fits; then the interval between the last two values is halved again and again.

    Raises:
        DoesNotFitError: `attempt(1)` runs out of memory.
    """
    fits, too_many = 0, limit + 1
    candidate = 1
    while fits + 1 < too_many:
        try:
            attempt(candidate)
            fits = candidate
        except (MemoryError, RuntimeError) as error:
            if not is_out_of_memory(error):
                raise
            too_many = candidate
        if torch.cuda.is_available():
            torch.cuda.empty_cache()
        candidate = min(2 * fits or 1, limit) if too_many > limit else (fits + too_many) // 2
    if not fits:
        raise DoesNotFitError("data.batch_size: a single window does not fit into memory; give a smaller model")
    return fits


def _random_batch(config: RunConfig, batch_size: int, device: torch.device) -> tuple[Tensor, Tensor]:
    ids = torch.randint(config.model.vocab_size, (batch_size, config.data.block_size + 1), device=device)
    return ids[:, :-1].contiguous(), ids[:, 1:].contiguous()


def report(config: RunConfig, *, measure: bool = False, gigabytes: float | None = None) -> Iterator[str]:
    """Yield lines: parameters and operations by part, memory by kind.

    Args:
        config: the run.
        measure: whether to measure the bytes, too, and print them beside the predicted bytes.
        gigabytes: memory for which to predict the largest batch, in units of 10^9 bytes.
    """
    model, block, batch = config.model, config.data.block_size, config.data.batch_size
    for part, count in parameter_table(model).items():
        yield f"{part:<24}{count:>16,} parameters"
    yield f"{'all':<24}{count_parameters(model):>16,} parameters"
    flops = forward_flops(model, block)
    for part, count in flops.items():
        yield f"{part:<24}{count:>16,} operations forward, {count / sum(flops.values()):6.1%}, {block} positions"
    yield f"{'training':<24}{training_flops_per_token(model, block):>16,.0f} operations per token"
    yield f"{'AdamW':<24}{adamw_flops(model):>16,} operations per step"
    if config.training.peak_tflops:
        days = training_days(config, config.training.peak_tflops)
        yield f"{'duration':<24}{days:>16,.1f} days at half of {config.training.peak_tflops:g} TFLOP/s"
    moments = 2 if config.training.optimizer == "adamw" else 0
    predicted = predict_memory(model, batch, block, moments=moments)
    measured = measure_memory(config) if measure else None
    for kind in ("parameters", "gradients", "optimizer", "activations", "total"):
        line = f"{kind:<24}{getattr(predicted, kind):>16,} bytes predicted, {batch} x {block} ids"
        if measured is not None:
            value = getattr(measured, kind)
            line += f", {value:,} measured ({getattr(predicted, kind) / max(value, 1):.3f} of it)"
        yield line
    if gigabytes is not None:
        empty, one = (predict_memory(model, n, block, moments=moments).total for n in (0, 1))
        fits = max(0, int((gigabytes * 1e9 - empty) // (one - empty)))
        yield f"batch in {gigabytes:g} GB: {fits} windows by prediction ({one - empty:,} x windows + {empty:,} bytes)"
