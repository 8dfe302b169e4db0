"""The folder of a run.

`config.yaml` has every value, `run.json` describes code and machine, `metrics.jsonl` and `metrics.csv` have a row per
logged step, `loss.svg` shows the curves, `samples/` has generated texts, and `checkpoints/` has the states that a run
goes on from.
"""

from __future__ import annotations

import json
import os
import platform
import re
import shutil
import subprocess
from contextlib import AbstractContextManager
from pathlib import Path

import torch
from torch.optim import Optimizer

from impls.errors import FileFormatError
from impls.folders import claimed, mark
from impls.storage import atomic_writer
from lm.accounting import count_parameters
from lm.batches import TokenData
from lm.checkpoint import latest, load_checkpoint, save_checkpoint
from lm.config import RunConfig, TrainingConfig
from lm.config_files import save_run
from lm.generate import Sampling, generate_text
from lm.metrics import MetricsLog
from lm.processes import find_device
from lm.settings import check_settings, settings_of
from lm.transformer import LanguageModel

OURS = {
    *("config.yaml", "run.json", "metrics.jsonl", "metrics.csv", "loss.svg"),
    *("samples", "tensorboard", "checkpoints"),
}
"""Names in the folder: files, and folders."""


def claim(folder: Path) -> AbstractContextManager[Path]:
    """Hold the folder of a run, so that no other process writes it.

    Raises:
        FileFormatError: see `impls.folders.claimed`.
    """
    return claimed(folder, "run", OURS)


def check_start(config: RunConfig, folder: Path) -> None:
    """Check everything that can be checked before the data is prepared, since the preparation may take long.

    Raises:
        UsageError: the device is not there.
        FileFormatError: the folder holds a run already or somebody else's files, or is a file.
    """
    find_device(config.training.device)
    if (folder / "checkpoints" / "last.pt").exists():
        raise FileFormatError(f"{folder}: holds a run already; go on with --resume {folder}, or give another --out")
    if folder.exists() and not folder.is_dir():
        raise FileFormatError(f"{folder}: is not a folder; give another --out")
    mark(folder, "run")


def open_folder(config: RunConfig, folder: Path, first: int, resume: bool) -> MetricsLog:
    """Begin the files of a new run in a claimed folder, or open the files of a run that took `first` steps.

    Raises:
        UsageError, FileFormatError: see `check_start`; or the folder cannot be written.
    """
    if not resume:
        check_start(config, folder)
    try:
        for name in ("checkpoints", "samples"):
            (folder / name).mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise FileFormatError(f"{folder}: {error.strerror}; give another --out") from None
    save_run(config, folder / "config.yaml")
    facts = {
        "git": git_state(),
        "python": platform.python_version(),
        "torch": torch.__version__,
        "machine": platform.machine(),
        "threads": torch.get_num_threads(),
        "gpu": torch.cuda.get_device_name() if torch.cuda.is_available() else None,
        "parameters": count_parameters(config.model),
    }
    with atomic_writer(folder / "run.json") as file:
        file.write(json.dumps(facts, indent=1).encode())
    return MetricsLog(folder, first, config.training.tracker, config.name)


def git_state() -> dict[str, str | bool | None]:
    """Return the commit of the code, and whether files differ from it; null outside of a repository."""

    def ask(*arguments: str) -> str | None:
        command = ["git", "-C", str(Path(__file__).parent), *arguments]
        try:
            return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()
        except (OSError, subprocess.CalledProcessError):
            return None

    status = ask("status", "--porcelain")
    return {"commit": ask("rev-parse", "HEAD"), "dirty": None if status is None else bool(status)}


def restore(
    folder: Path, model: LanguageModel, optimizer: Optimizer, config: RunConfig, data: TokenData, device: torch.device
) -> int:
    """Load the last checkpoint of a run; return the number of steps taken before it.

    Raises:
        FileFormatError: there is no checkpoint; or it is damaged, belongs to another model, other data or other
            settings, or was written after more than `training.max_steps` steps.
    """
    path = latest(folder)
    state = load_checkpoint(path, model, optimizer, device)
    if state.get("tokenizer") != data.tokenizer.fingerprint():
        raise FileFormatError(
            f"{path}: was trained with another tokenizer than the one in {config.data.folder}; name the folder with "
            "the ids of this run: --set data.folder=FOLDER"
        )
    if state.get("ids") != data.digests:
        raise FileFormatError(
            f"{path}: was trained on other ids than {config.data.folder} holds now; name the folder with the ids of "
            "this run: --set data.folder=FOLDER"
        )
    check_settings(config, state, path)
    step, last = state["step"], config.training.max_steps
    if step > last:
        raise FileFormatError(
            f"{path}: was written after step {step}, but training.max_steps is {last}; give at least {step}"
        )
    return int(step)


def save(
    folder: Path,
    model: LanguageModel,
    optimizer: Optimizer,
    step: int,
    config: RunConfig,
    data: TokenData,
    *,
    numbered: bool,
) -> None:
    """Write the checkpoint `last.pt`; if `numbered`, also keep this checkpoint under the number of its step.

    Of numbered checkpoints, only the newest are kept if the config says how many.

    Raises:
        FileFormatError: a file cannot be written.
    """
    path = folder / "checkpoints" / "last.pt"
    facts = {"tokenizer": data.tokenizer.fingerprint(), "ids": data.digests, "settings": settings_of(config)}
    save_checkpoint(path, model, optimizer, step, **facts)
    if not numbered:
        return
    kept = path.with_name(f"step-{step:06d}.pt")
    kept.unlink(missing_ok=True)
    try:
        os.link(path, kept)
    except OSError:  # Some file systems have no links.
        with path.open("rb") as source, atomic_writer(kept) as target:
            shutil.copyfileobj(source, target)
    _prune(kept.parent, config.training.keep)


def _prune(folder: Path, keep: int | None) -> None:
    """Remove the oldest numbered checkpoints, so that the newest `keep` are left."""
    numbered = [path for path in folder.glob("step-*.pt") if re.fullmatch(r"step-\d{6,}\.pt", path.name)]
    numbered.sort(key=lambda path: int(path.stem.removeprefix("step-")))
    for path in numbered[: -keep if keep else 0]:
        path.unlink(missing_ok=True)


def write_samples(folder: Path, model: LanguageModel, step: int, data: TokenData, training: TrainingConfig) -> None:
    """Continue the prompts of the config, and write the texts to one file.

    Raises:
        FileFormatError: the file cannot be written.
    """
    sampling = Sampling(temperature=0.8, top_p=0.95, max_new_tokens=training.sample_tokens)
    texts = [
        generate_text(model, data.tokenizer, prompt, sampling, eos_id=data.eos_id)[0]
        for prompt in training.sample_prompts
    ]
    with atomic_writer(folder / "samples" / f"step-{step:06d}.txt") as file:
        file.write("\n\n".join(texts).encode() + b"\n")
