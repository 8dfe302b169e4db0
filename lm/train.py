"""The training loop.

A run is a folder: `config.yaml` with every value, `run.json` with code and machine, `metrics.jsonl` and
`metrics.csv`, `loss.svg`, `samples/`, `checkpoints/`. The data of a step depend on nothing but config and step, the
rest is in the checkpoint; so a run that was interrupted and resumed ends, on a CPU, with the same bits as any other.
"""

from __future__ import annotations

import json
import math
import os
import platform
import shutil
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from types import FrameType
from typing import Any

import torch
from torch.nn import Module
from torch.optim import Optimizer

from impls.errors import FileFormatError, MergelabError, UsageError
from impls.storage import atomic_writer
from lm.accounting import count_parameters
from lm.batches import TokenData, TrainBatches, open_data, validation_batches
from lm.checkpoint import latest, load_checkpoint, save_checkpoint
from lm.config import RunConfig, TrainingConfig, save_run
from lm.evaluate import read_items, score_hellaswag, score_text
from lm.generate import Sampling, generate_text
from lm.metrics import MetricsLog, Progress, Row, Speed, git_state, gpu_state
from lm.model import build
from lm.ops import pick
from lm.optim import SGD, cosine_schedule
from lm.processes import Processes, find_device
from lm.transformer import LanguageModel


class DivergedError(MergelabError):
    """The loss is no number any more."""


def train(config: RunConfig, folder: Path, *, resume: bool = False) -> int:
    """Train until `max_steps`, or until SIGINT or SIGTERM.

    Args:
        config: everything.
        folder: of the run.
        resume: go on from the last checkpoint in the folder.

    Returns:
        0, or the number of the signal; then a checkpoint was written and the run can be resumed.

    Raises:
        UsageError: the device is not there, or the batch cannot be divided among the processes.
        FileFormatError: data or checkpoint are missing, damaged or of another run.
        DivergedError: the loss is not finite; the last checkpoint is from before.
    """
    processes = Processes.join(config.training.device)
    try:
        with _signals() as caught:
            status = _loop(_set_up(config, folder, resume, processes), caught)
        processes.meet()
        return status
    finally:
        processes.leave()


@dataclass(frozen=True)
class _Run:
    """What the loop works on.

    Attributes:
        model: what is evaluated and saved; `step_model` has the same weights, is compiled, and averages gradients
            over processes.
        feed: batches of ids for the steps that are left.
        first: steps that were taken before.
        log: None in processes that write no files.
    """

    config: RunConfig
    folder: Path
    processes: Processes
    data: TokenData
    model: LanguageModel
    step_model: Module
    optimizer: Optimizer
    feed: Iterator[tuple[torch.Tensor, torch.Tensor]]
    first: int
    log: MetricsLog | None
    progress: Progress
    speed: Speed


def _set_up(config: RunConfig, folder: Path, resume: bool, processes: Processes) -> _Run:
    """Open the data, build the model, take up the last checkpoint; only then is anything written."""
    training, device = config.training, processes.device
    if config.data.batch_size % processes.size:
        raise UsageError(f"data.batch_size: {config.data.batch_size} windows for {processes.size} processes")
    torch.set_float32_matmul_precision("high" if training.tf32 else "highest")
    torch.manual_seed(training.seed)
    data = open_data(config.data, config.model.vocab_size)
    batches = TrainBatches(data.train, config.data, training.seed, processes.rank, processes.size)
    model = build(config.model, training.ops).to(device)
    optimizer = build_optimizer(model, training)
    first = _resume(folder, model, optimizer, data, device) if resume else 0
    if processes.rank:  # Each process drops other elements.
        torch.manual_seed(training.seed + 1_000_003 * processes.rank + first)
    log = _open_folder(config, folder, first, resume) if processes.rank == 0 else None
    progress = Progress(training.max_steps, first, silent=log is None)
    step_model = processes.wrap(_compiled(model, training, batches, device, progress.say))
    taken, wanted = (steps * training.accumulation for steps in (first, training.max_steps))
    feed = batches.loader(taken, wanted, device.type == "cuda")
    speed = Speed(config, device, processes.size)
    return _Run(config, folder, processes, data, model, step_model, optimizer, feed, first, log, progress, speed)


def _loop(run: _Run, caught: list[int]) -> int:
    """Take the steps that are left, until a signal is caught; return 0, or the number of the signal."""
    training, done = run.config.training, run.first
    for done in range(run.first + 1, training.max_steps + 1):
        started = time.perf_counter()
        rate = learning_rate(training, done - 1)
        local_loss, norm = optimizer_step(
            run.step_model, run.optimizer, run.feed, training, rate, run.processes.device
        )
        loss, stop = run.processes.gather(local_loss, bool(caught))
        if not math.isfinite(loss + norm):
            raise DivergedError(_diverged(done, loss, norm, run.folder))
        run.speed.add(time.perf_counter() - started)
        run.progress.advance()
        if run.log is not None:
            row: Row = {"step": done, "train_loss": loss, "learning_rate": rate, "gradient_norm": norm}
            _after_step(run, run.log, row, stop)
        if stop:
            break
    run.progress.close()
    if run.log is not None:
        run.log.close()
    # A signal that came during the last step stops nothing any more.
    return caught[0] if caught and done < training.max_steps else 0


def _after_step(run: _Run, log: MetricsLog, step: Row, stop: bool) -> None:
    """Validate, log, sample and save, each when it is due."""
    training, done, device = run.config.training, step["step"], run.processes.device
    last = done == training.max_steps
    measured = validate(run.model, run.data, run.config, device) if last or done % training.eval_interval == 0 else {}
    if measured or done % training.log_interval == 0 or done == 1:
        perplexity = math.exp(min(step["train_loss"], 700.0))
        row = step | {"train_perplexity": perplexity} | measured | run.speed.columns(done) | gpu_state(device)
        log.add(row)
        run.progress.say(_line(row, training.max_steps))
    if training.sample_interval and (last or done % training.sample_interval == 0):
        _write_samples(run, done)
    numbered = done % training.checkpoint_interval == 0
    if numbered or last or stop:
        _save(run, done, numbered)


def optimizer_step(
    model: Module,
    optimizer: Optimizer,
    feed: Iterator[tuple[torch.Tensor, torch.Tensor]],
    training: TrainingConfig,
    rate: float,
    device: torch.device,
) -> tuple[torch.Tensor, float]:
    """Take one step on `accumulation` batches; return their mean loss, float32[], and the norm before clipping."""
    for group in optimizer.param_groups:
        group["lr"] = rate
    total = torch.zeros((), device=device)
    for part in range(training.accumulation):
        x, y = (ids.to(device, non_blocking=True) for ids in next(feed))
        with _unsynchronised(model, part + 1 < training.accumulation):
            with _precision(training, device):
                loss = model(x, y) / training.accumulation
            loss.backward()
        total += loss.detach()
    parameters = [parameter for group in optimizer.param_groups for parameter in group["params"]]
    norm = pick(training.ops).clip_gradients(parameters, training.grad_clip or math.inf)
    optimizer.step()
    optimizer.zero_grad(set_to_none=True)
    return total, float(norm)


def build_optimizer(model: LanguageModel, training: TrainingConfig) -> Optimizer:
    """Build the optimizer that the config names."""
    groups = model.parameter_groups(training.weight_decay)
    if training.optimizer == "sgd":
        return SGD(groups, lr=training.learning_rate)
    betas = (training.beta1, training.beta2)
    return pick(training.ops).adamw(groups, training.learning_rate, betas, training.eps, training.weight_decay)


def learning_rate(training: TrainingConfig, step: int) -> float:
    """Return the rate of a step, counted from 0: the schedule a step later, so that the first step is not wasted."""
    cosine = training.schedule == "cosine"
    return cosine_schedule(
        step + 1,
        maximum=training.learning_rate,
        minimum=training.min_learning_rate if cosine else training.learning_rate,
        warmup_steps=round(training.warmup_ratio * training.max_steps),
        cosine_steps=training.max_steps,
    )


def validate(model: LanguageModel, data: TokenData, config: RunConfig, device: torch.device) -> Row:
    """Return the columns that are measured on the validation ids, and HellaSwag if the config has it."""
    training = config.training
    row: Row = {}
    if len(data.val) > 1:
        feed = validation_batches(data.val, config.data, data.eos_id)
        with _precision(training, device):
            score = score_text(model, feed, data.token_bytes, device, training.eval_batches)
        row = {
            "val_loss": score.loss,
            "val_perplexity": score.perplexity,
            "val_bits_per_byte": score.bits_per_byte,
        }
    if training.hellaswag:
        items = islice(read_items(Path(training.hellaswag)), training.hellaswag_items)
        row["hellaswag"] = score_hellaswag(model, data.tokenizer, items, device).accuracy_by_characters
    return row


def _precision(training: TrainingConfig, device: torch.device) -> AbstractContextManager[None]:
    if training.precision == "fp32":
        return nullcontext()
    return torch.autocast(device.type, torch.bfloat16)


def _unsynchronised(model: Module, wanted: bool) -> AbstractContextManager[None]:
    """Leave averaging of gradients between processes to the last batch of a step."""
    no_sync: Callable[[], AbstractContextManager[None]] | None = getattr(model, "no_sync", None)
    return no_sync() if wanted and no_sync is not None else nullcontext()


def _compiled(
    model: LanguageModel,
    training: TrainingConfig,
    batches: TrainBatches,
    device: torch.device,
    say: Callable[[str], None],
) -> Module:
    """Compile the model and try it on a batch; without a compiler, or with one that fails, stay eager."""
    if not training.compile:
        return model
    devices = [device] if device.type == "cuda" else []
    try:
        with torch.random.fork_rng(devices):
            compiled: Module = torch.compile(model)  # type: ignore[assignment]
            x, y = (ids.to(device) for ids in batches[0])
            with _precision(training, device):
                loss = compiled(x, y)
            loss.backward()
    except Exception as error:  # Whatever the compiler raises, eager code does the same work.
        say(f"torch.compile failed, going on without it: {str(error).strip().splitlines()[0]}")
        compiled = model
    model.zero_grad(set_to_none=True)
    return compiled


@contextmanager
def _signals() -> Iterator[list[int]]:
    """Note SIGINT and SIGTERM instead of dying of them; a second one has its usual effect."""
    caught: list[int] = []

    def note(number: int, frame: FrameType | None) -> None:
        del frame
        caught.append(number)
        for other, handler in before.items():
            signal.signal(other, handler)

    before: dict[signal.Signals, Any] = {}
    for number in (signal.SIGINT, signal.SIGTERM):
        before[number] = signal.signal(number, note)
    try:
        yield caught
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _resume(folder: Path, model: LanguageModel, optimizer: Optimizer, data: TokenData, device: torch.device) -> int:
    """Load the last checkpoint; return how many steps it has behind it."""
    path = latest(folder)
    state = load_checkpoint(path, model, optimizer, device)
    if state.get("tokenizer") != data.tokenizer.fingerprint():
        raise FileFormatError(f"{path}: was trained with another tokenizer than that of the data")
    return int(state["step"])


def check_start(config: RunConfig, folder: Path) -> None:
    """Find out what can be found out before the work on the data begins.

    Raises:
        UsageError: the device is not there.
        FileFormatError: the folder holds a run already, or is a file.
    """
    find_device(config.training.device)
    if (folder / "checkpoints" / "last.pt").exists():
        raise FileFormatError(f"{folder}: holds a run already; go on with --resume {folder}, or give another --out")
    if folder.exists() and not folder.is_dir():
        raise FileFormatError(f"{folder}: is not a folder; give another --out")


def _open_folder(config: RunConfig, folder: Path, first: int, resume: bool) -> MetricsLog:
    """Make the folder of a run, or take it up again."""
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


def _save(run: _Run, step: int, numbered: bool) -> None:
    """Write `last.pt`, and the same file under its step if it is one of those to keep."""
    path = run.folder / "checkpoints" / "last.pt"
    save_checkpoint(path, run.model, run.optimizer, step, tokenizer=run.data.tokenizer.fingerprint())
    if numbered:
        kept = path.with_name(f"step-{step:06d}.pt")
        kept.unlink(missing_ok=True)
        try:
            os.link(path, kept)
        except OSError:  # Some file systems have no links.
            with path.open("rb") as source, atomic_writer(kept) as target:
                shutil.copyfileobj(source, target)


def _write_samples(run: _Run, step: int) -> None:
    training, data = run.config.training, run.data
    sampling = Sampling(temperature=0.8, top_p=0.95, max_new_tokens=training.sample_tokens)
    texts = [
        generate_text(run.model, data.tokenizer, prompt, sampling, eos_id=data.eos_id)[0]
        for prompt in training.sample_prompts
    ]
    with atomic_writer(run.folder / "samples" / f"step-{step:06d}.txt") as file:
        file.write("\n\n".join(texts).encode() + b"\n")


def _diverged(step: int, loss: float, norm: float, folder: Path) -> str:
    last = folder / "checkpoints" / "last.pt"
    kept = f"{last} is from before" if last.exists() else "no checkpoint was written before"
    return f"step {step}: the loss is {loss}, its gradient {norm}; {kept}; lower training.learning_rate"


def _line(row: Row, max_steps: int) -> str:
    text = f"step {row['step']}/{max_steps} loss {row['train_loss']:.4f}"
    if row.get("val_loss") is not None:
        text += f" val {row['val_loss']:.4f} ppl {row['val_perplexity']:.2f} bpb {row['val_bits_per_byte']:.4f}"
    text += f" lr {row['learning_rate']:.2e} norm {row['gradient_norm']:.3f} {row['tokens_per_second']:.0f} tokens/s"
    if row["flops_utilisation"] is not None:
        text += f" mfu {row['flops_utilisation']:.1%}"
    return text
