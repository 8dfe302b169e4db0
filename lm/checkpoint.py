"""Checkpoints: one file, or file object, from which a run goes on with the same bits.

A file appears under its name only when it is complete. Loading never runs code that is in the file.
"""

from __future__ import annotations

import os
import pickle
import warnings
from pathlib import Path
from typing import IO, Any, BinaryIO

import torch
from torch.nn import Module
from torch.optim import Optimizer

from impls.errors import FileFormatError
from impls.storage import atomic_writer

Target = str | os.PathLike[str] | BinaryIO | IO[bytes]


def save_checkpoint(target: Target, model: Module, optimizer: Optimizer, step: int, **extra: Any) -> None:
    """Write the weights, the state of the optimizer, the step, torch's generators, and `extra`.

    Args:
        target: a path or a binary file object.
        model: its weights are written.
        optimizer: its state is written.
        step: number of steps taken.
        extra: tensors, numbers, strings, and lists and mappings of them.

    Raises:
        FileFormatError: the file cannot be written; an earlier file of this name stays as it is.
    """
    generators = {"cpu": torch.get_rng_state(), "cuda": torch.cuda.get_rng_state_all()}
    state = {
        "model": model.state_dict(),
        "optimizer": optimizer.state_dict(),
        "step": step,
        "generators": generators,
        **extra,
    }
    if not isinstance(target, str | os.PathLike):
        torch.save(state, target)
        return
    with atomic_writer(target) as file:
        try:
            torch.save(state, file)
        except RuntimeError as error:
            # PyTorch raises an error of its own in place of the file's.
            raise error.__context__ if isinstance(error.__context__, OSError) else OSError(str(error)) from None


def read_checkpoint(source: Target, device: str | torch.device = "cpu") -> dict[str, Any]:
    """Read the content that `save_checkpoint` wrote; tensors are put on the device.

    Raises:
        FileFormatError: the file is missing or truncated, is not a checkpoint, or holds anything but data.
    """
    name = source if isinstance(source, str | os.PathLike) else "checkpoint"
    try:
        if isinstance(source, str | os.PathLike):
            Path(source).open("rb").close()
    except OSError as error:
        raise FileFormatError(f"{name}: {error.strerror}; give a checkpoint") from None
    try:
        with warnings.catch_warnings(action="ignore"):  # About files that are refused below.
            state = torch.load(source, map_location=device, weights_only=True)
    except pickle.UnpicklingError:
        raise FileFormatError(f"{name}: holds code or objects, and is not loaded; give a checkpoint") from None
    except (RuntimeError, EOFError, ValueError, KeyError, OSError):  # Short files are read from before their start.
        raise FileFormatError(
            f"{name}: is truncated or not a checkpoint; use an earlier one: to resume, remove last.pt and copy the "
            "earlier one there"
        ) from None
    if not isinstance(state, dict) or not {"model", "optimizer", "step", "generators"} <= state.keys():
        raise FileFormatError(f"{name}: is not a checkpoint of a training run; give one from a run folder")
    return state


def load_checkpoint(
    source: Target, model: Module, optimizer: Optimizer | None = None, device: str | torch.device = "cpu"
) -> dict[str, Any]:
    """Put a checkpoint into a model, and if an optimizer is given, into it and torch's generators.

    Returns:
        The content of the checkpoint.

    Raises:
        FileFormatError: see `read_checkpoint`; or the checkpoint is of another model or optimizer.
    """
    state = read_checkpoint(source, device)
    load_weights(model, state["model"], source)
    if optimizer is not None:
        try:
            # The two AdamW can go on from each other, SGD from neither.
            if ("betas" in state["optimizer"]["param_groups"][0]) != ("betas" in optimizer.param_groups[0]):
                raise ValueError
            optimizer.load_state_dict(state["optimizer"])
        except (ValueError, LookupError, TypeError):
            raise FileFormatError(
                f"{source}: the optimizer's state is of another optimizer or model; keep training.optimizer"
            ) from None
        torch.set_rng_state(state["generators"]["cpu"].cpu())
        if torch.cuda.is_available() and len(state["generators"]["cuda"]) == torch.cuda.device_count():
            torch.cuda.set_rng_state_all([generator.cpu() for generator in state["generators"]["cuda"]])
    return state


def load_weights(model: Module, weights: dict[str, torch.Tensor], source: object) -> None:
    """Put weights into a model.

    Raises:
        FileFormatError: a weight is missing, unknown, or of another shape; the message names the first one.
    """
    own = model.state_dict()
    for name in sorted(own.keys() | weights.keys()):
        if name not in weights or name not in own:
            where = "lacks" if name not in weights else "has, unlike the model,"
            raise FileFormatError(f"{source}: is of another model: it {where} {name}")
        if own[name].shape != weights[name].shape:
            shapes = f"{list(weights[name].shape)}, not {list(own[name].shape)}"
            raise FileFormatError(f"{source}: is of another model: {name} is {shapes}")
    model.load_state_dict(weights)


def latest(folder: Path) -> Path:
    """Return the last checkpoint of a run folder.

    Raises:
        FileFormatError: there is no checkpoint.
    """
    path = folder / "checkpoints" / "last.pt"
    if not path.is_file():
        raise FileFormatError(f"{folder}: holds no checkpoint; train first: python -m lm train --config FILE")
    return path
