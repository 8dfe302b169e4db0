"""Checkpoints: one file, or file object, from which a run goes on with exactly the same numbers.

A file appears under its name only when it is complete, and ends with a digest of its bytes; a file whose digest is
wrong is not loaded. Loading never runs code that is in the file.
"""

from __future__ import annotations

import os
import pickle
import warnings
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import IO, Any, BinaryIO

import torch
from torch import Tensor
from torch.nn import Module
from torch.optim import Optimizer

from impls.digests import seal_is_whole, sealed
from impls.errors import FileFormatError, shown
from impls.storage import atomic_writer
from lm.accounting import count_parameters
from lm.config_base import ModelConfig

LONGEST_CONTEXT = 1 << 24
"""The longest context that is loaded, since tables of positions are made before any weight is read."""

GIVE_CONFIG = "give the model config that the file was made with"
"""The end of messages about weights of another model: what to do."""

HYPERPARAMETERS = {"lr", "betas", "eps", "weight_decay"}

ADAM_STATE = {"step", "exp_avg", "exp_avg_sq"}
"""The entries of the state of each parameter, in PyTorch's AdamW and in ours."""

Target = str | os.PathLike[str] | BinaryIO | IO[bytes]


def save_checkpoint(target: Target, model: Module, optimizer: Optimizer, step: int, **extra: Any) -> None:
    """Write the weights, the state of the optimizer, the step, torch's generators, and `extra`.

    Args:
        target: a path or a binary file object.
        model: the model whose weights are written.
        optimizer: the optimizer whose state is written.
        step: number of steps taken.
        extra: further values by name: tensors, numbers, strings, and lists or mappings of these.

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
        with sealed(target) as file:
            torch.save(state, file)
        return
    with atomic_writer(target) as output:
        try:
            with sealed(output) as file:
                torch.save(state, file)
        except RuntimeError as error:
            # PyTorch hides the error of the file behind an error of its own.
            raise error.__context__ if isinstance(error.__context__, OSError) else OSError(str(error)) from None


def read_checkpoint(source: Target, device: str | torch.device = "cpu") -> dict[str, Any]:
    """Read the content that `save_checkpoint` wrote; tensors are put on the device.

    Raises:
        FileFormatError: the file is missing or damaged, is not a checkpoint, or holds anything but data.
    """
    if not isinstance(source, str | os.PathLike):
        return _read(source, "checkpoint", device)
    try:
        with Path(source).open("rb") as file:
            return _read(file, str(source), device)
    except OSError as error:
        raise FileFormatError(f"{source}: {error.strerror}; give a checkpoint") from None


def _read(file: BinaryIO | IO[bytes], name: str, device: str | torch.device) -> dict[str, Any]:
    if not seal_is_whole(file):
        raise FileFormatError(
            f"{name}: is truncated, changed or not a checkpoint; give an earlier checkpoint. To resume a run, remove "
            "last.pt and copy an earlier checkpoint of this version to its place"
        )
    if not _is_plain(file):
        raise FileFormatError(f"{name}: holds code or is not a checkpoint; give a checkpoint of a run")
    try:
        with warnings.catch_warnings(action="ignore"):  # About files that are refused below.
            state: Any = torch.load(file, map_location=device, weights_only=True)
    except pickle.UnpicklingError:
        raise FileFormatError(f"{name}: holds code or objects, so it is not loaded; give another file") from None
    except Exception as error:  # PyTorch raises errors of any kind about a file that it did not write.
        raise FileFormatError(f"{name}: is not a checkpoint ({type(error).__name__}); give another file") from None
    if not _has_the_parts(state):
        raise FileFormatError(f"{name}: is not a checkpoint of a training run; give another file")
    if type(state["step"]) is not int or not 0 <= state["step"] < 1 << 53:
        raise FileFormatError(
            f"{name}: the field step is {shown(state['step'])}, not a number of steps; give another checkpoint"
        )
    return dict(state)


def _is_plain(file: BinaryIO | IO[bytes]) -> bool:
    """Tell whether a file is an archive of uncompressed parts that are together no larger than the file."""
    start = file.tell()
    n_bytes = file.seek(0, os.SEEK_END) - start
    file.seek(start)
    try:
        parts = zipfile.ZipFile(file).infolist()
    except (zipfile.BadZipFile, ValueError, NotImplementedError, OSError):
        return False
    finally:
        file.seek(start)
    plain = all(part.compress_type == zipfile.ZIP_STORED for part in parts)
    return plain and sum(part.file_size for part in parts) <= n_bytes


def _has_the_parts(state: object) -> bool:
    if not isinstance(state, dict) or not {"model", "optimizer", "step", "generators"} <= state.keys():
        return False
    weights, generators = state["model"], state["generators"]
    return (
        isinstance(weights, dict)
        and all(isinstance(name, str) and isinstance(value, Tensor) for name, value in weights.items())
        and isinstance(state["optimizer"], dict)
        and isinstance(generators, dict)
        and generators.keys() >= {"cpu", "cuda"}
    )


def load_checkpoint(
    source: Target, model: Module, optimizer: Optimizer | None = None, device: str | torch.device = "cpu"
) -> dict[str, Any]:
    """Load the weights of a checkpoint into a model; with an optimizer, also load its state and torch's generators.

    Returns:
        The content of the checkpoint.

    Raises:
        FileFormatError: the checkpoint cannot be read, or belongs to another model or optimizer.
    """
    state = read_checkpoint(source, device)
    load_weights(model, state["model"], source)
    if optimizer is not None:
        _load_optimizer(optimizer, state["optimizer"], source)
        _load_generators(state["generators"], source)
    return state


def _load_optimizer(optimizer: Optimizer, saved: dict[str, Any], source: Target) -> None:
    try:
        _check_optimizer(saved, optimizer)
        optimizer.load_state_dict(saved)
    except (ValueError, LookupError, TypeError, AttributeError):
        raise FileFormatError(
            f"{source}: holds the state of another optimizer or model; set training.optimizer and model as before"
        ) from None


def _check_optimizer(saved: dict[str, Any], optimizer: Optimizer) -> None:
    """Check a state before PyTorch copies any of it; raise ValueError, LookupError or TypeError if it is wrong."""
    groups = optimizer.param_groups
    for own, theirs in zip(groups, saved["param_groups"], strict=True):
        # The two AdamW can go on from each other, SGD from neither.
        if ("betas" in theirs) != ("betas" in own):
            raise ValueError
        for name in own.keys() & theirs.keys() & HYPERPARAMETERS:
            if _form(own[name]) != _form(theirs[name]):
                raise TypeError
    parameters = [parameter for group in groups for parameter in group["params"]]
    for number, values in saved["state"].items():
        shape = parameters[number].shape
        if "betas" in groups[0] and not values.keys() >= ADAM_STATE:
            raise LookupError
        for value in values.values():
            if not (isinstance(value, int | float) or (isinstance(value, Tensor) and value.shape in (shape, ()))):
                raise TypeError


def _form(value: object) -> object:
    """Return the form of a hyperparameter's value; a saved value may replace it only if it has the same form."""
    if isinstance(value, list | tuple):
        return [_form(part) for part in value]
    return "number" if isinstance(value, int | float) and not isinstance(value, bool) else type(value)


def _load_generators(saved: dict[str, Any], source: Target) -> None:
    try:
        torch.set_rng_state(saved["cpu"].cpu())
        if torch.cuda.is_available() and len(saved["cuda"]) == torch.cuda.device_count():
            torch.cuda.set_rng_state_all([generator.cpu() for generator in saved["cuda"]])
    except (RuntimeError, TypeError, AttributeError):
        raise FileFormatError(
            f"{source}: holds states of random generators that PyTorch cannot read; give another checkpoint"
        ) from None


def load_weights(model: Module, weights: Mapping[str, Tensor], source: object) -> None:
    """Put weights into a model.

    Raises:
        FileFormatError: a weight is missing, unknown, of another shape, or not of floats; the message names the first
            such weight.
    """
    own = model.state_dict()
    for name in sorted(own.keys() | weights.keys()):
        if name not in weights or name not in own:
            where = "it lacks" if name not in weights else "only it has"
            raise FileFormatError(f"{source}: is of another model: {where} the weight {name}; {GIVE_CONFIG}")
        if own[name].shape != weights[name].shape:
            shapes = f"{list(weights[name].shape)}, not {list(own[name].shape)}"
            raise FileFormatError(f"{source}: is of another model: {name} has the shape {shapes}; {GIVE_CONFIG}")
        if not weights[name].is_floating_point():
            told = f"{name} is of {weights[name].dtype}, not of floats"
            raise FileFormatError(f"{source}: is of another model: {told}; {GIVE_CONFIG}")
    model.load_state_dict(weights)


def check_size(config: ModelConfig, path: Path) -> None:
    """Check, before a model is built, that a file is large enough for its weights.

    Raises:
        FileFormatError: the file is missing or has less than a byte per parameter, or the context is too long.
    """
    try:
        n_bytes = path.stat().st_size
    except OSError as error:
        raise FileFormatError(f"{path}: {error.strerror}; give the file of the weights") from None
    n_parameters = count_parameters(config)
    if n_parameters > n_bytes:
        raise FileFormatError(
            f"{path}: is of another model: its {n_bytes} bytes cannot hold the {n_parameters} parameters of the "
            f"config; {GIVE_CONFIG}"
        )
    if config.context_length > LONGEST_CONTEXT:
        raise FileFormatError(
            f"{path}: the context_length of the model is {config.context_length}, but at most {LONGEST_CONTEXT} is "
            "loaded; give another model"
        )


def latest(folder: Path) -> Path:
    """Return the last checkpoint of a run folder.

    Raises:
        FileFormatError: there is no checkpoint.
    """
    path = folder / "checkpoints" / "last.pt"
    if not path.is_file():
        raise FileFormatError(f"{folder}: holds no checkpoint; run `python -m lm train --config FILE` first")
    return path
