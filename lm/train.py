"""The training loop.

The config and the number of a step decide the data of the step. The checkpoint holds everything else that the next
step needs. So, on a CPU, a resumed run ends with the same bits as a run without an interruption.
"""

from __future__ import annotations

import math
import time
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

import torch
from torch import Tensor
from torch.nn import Module
from torch.optim import Optimizer

from impls.errors import MergelabError, UsageError
from impls.interrupts import noted
from lm.batches import TokenData, TrainBatches, open_data, validation_batches
from lm.checkpoint import check_size, latest
from lm.config import RunConfig
from lm.documents import first_documents, read_documents
from lm.evaluate import TextScore, Windows, score_documents, score_windows
from lm.hellaswag import HellaSwagScore, read_items, score_items
from lm.metrics import MetricsLog, Progress, Row, Speed, gpu_state
from lm.models import build
from lm.processes import Processes
from lm.run_folder import claim, open_folder, restore, save, write_samples
from lm.step import build_optimizer, compiled, learning_rate, optimizer_step, precision
from lm.transformer import LanguageModel


class DivergedError(MergelabError):
    """The loss is not a number any more."""


def train(config: RunConfig, folder: Path, *, resume: bool = False) -> int:
    """Train until `max_steps`, or until SIGINT or SIGTERM.

    Args:
        config: the run.
        folder: the folder of the run.
        resume: whether to go on from the last checkpoint in the folder.

    Returns:
        0, or the number of the signal that ended the run; in this case there is a checkpoint to resume from.

    Raises:
        UsageError: the device is not there, or the batch cannot be divided among the processes.
        FileFormatError: data or checkpoint are missing, damaged or of another run; or the folder holds files that are
            not ours, or another process is writing to it.
        DivergedError: the loss is not finite; the last checkpoint is from an earlier step.
    """
    processes = Processes.join(config.training.device)
    try:
        with noted() as caught, ExitStack() as held:
            status = _loop(_set_up(config, folder, resume, processes, held), caught)
        processes.meet()
        return status
    finally:
        processes.leave()


@dataclass(frozen=True)
class _Run:
    """The objects that the training loop works on.

    Attributes:
        model: the model that is evaluated and saved.
        step_model: the model that takes steps: it shares the weights of `model`, may be compiled, and averages
            gradients over processes.
        feed: batches of ids for the steps that are left.
        first: number of steps that were taken before.
        log: the metrics; None in processes that write no files.
    """

    config: RunConfig
    folder: Path
    processes: Processes
    data: TokenData
    model: LanguageModel
    step_model: Module
    optimizer: Optimizer
    feed: Iterator[tuple[Tensor, Tensor]]
    first: int
    log: MetricsLog | None
    progress: Progress
    speed: Speed


def _set_up(config: RunConfig, folder: Path, resume: bool, processes: Processes, held: ExitStack) -> _Run:
    """Open the data, build the model and load the last checkpoint; only after that, write the first file.

    The folder stays claimed for as long as `held` is open.
    """
    training, device = config.training, processes.device
    if config.data.batch_size % processes.size:
        raise UsageError(
            f"data.batch_size: {config.data.batch_size} windows cannot be divided among {processes.size} processes; "
            f"give a multiple of {processes.size}"
        )
    torch.set_float32_matmul_precision("high" if training.tf32 else "highest")
    torch.manual_seed(training.seed)
    data = open_data(config.data, config.model.vocab_size)
    batches = TrainBatches(data.train, config.data, training.seed, processes.rank, processes.size)
    if resume:
        check_size(config.model, latest(folder))
    model = build(config.model, training.ops).to(device)
    optimizer = build_optimizer(model, training)
    first = restore(folder, model, optimizer, config, data, device) if resume else 0
    if processes.rank:  # So each process has other random numbers for dropout.
        torch.manual_seed(training.seed + 1_000_003 * processes.rank + first)
    log = None
    if processes.rank == 0:
        held.enter_context(claim(folder))
        log = open_folder(config, folder, first, resume)
    progress = Progress(training.max_steps, first, silent=log is None)
    step_model = processes.wrap(compiled(model, training, batches, device, progress.say))
    taken, wanted = (steps * training.accumulation for steps in (first, training.max_steps))
    feed = batches.loader(taken, wanted, device.type == "cuda")
    speed = Speed(config, device, processes.size, _seconds_before(log))
    if len(data.val) < 2:
        progress.say(
            f"note: {config.data.folder} has no text for validation; raise dataset.validation_share, or name a file "
            "in dataset.files.validation"
        )
    return _Run(config, folder, processes, data, model, step_model, optimizer, feed, first, log, progress, speed)


def _seconds_before(log: MetricsLog | None) -> float:
    """Return the seconds that a resumed run has taken so far, as its last row tells."""
    return float(log.rows[-1].get("seconds") or 0.0) if log is not None and log.rows else 0.0


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
            if run.log is not None:
                run.log.close()
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
    """Validate, log, sample and save, if the config asks for it after this step."""
    training, done, device = run.config.training, step["step"], run.processes.device
    last = done == training.max_steps
    measured = validate(run.model, run.data, run.config, device) if last or done % training.eval_interval == 0 else {}
    if measured or done % training.log_interval == 0 or done == 1:
        perplexity = math.exp(min(step["train_loss"], 700.0))
        row = step | {"train_perplexity": perplexity} | measured | run.speed.columns(done) | gpu_state(device)
        log.add(row)
        run.progress.say(_line(row, training.max_steps))
    if training.sample_interval and (last or done % training.sample_interval == 0):
        write_samples(run.folder, run.model, done, run.data, training)
    numbered = done % training.checkpoint_interval == 0
    if numbered or last or stop:
        save(run.folder, run.model, run.optimizer, done, run.config, run.data, numbered=numbered)


def validate(model: LanguageModel, data: TokenData, config: RunConfig, device: torch.device) -> Row:
    """Return the columns that are measured on validation ids and documents, and HellaSwag if the config has it.

    The loss is measured on windows as training reads them. Bits per byte is measured document by document, on the
    same bytes for every tokenizer.
    """
    training = config.training
    row: Row = {}
    with precision(training, device):
        if len(data.val) > 1:
            feed = validation_batches(data.val, config.data, data.eos_id)
            score = score_windows(model, feed, device, training.eval_batches)
            row = {"val_loss": score.loss, "val_perplexity": score.perplexity}
            row["val_bits_per_byte"] = _bits_per_byte(model, data, config, device)
        if training.hellaswag:
            items = islice(read_items(Path(training.hellaswag)), training.hellaswag_items)
            scores = HellaSwagScore.of(score_items(model, data.tokenizer, items, device))
            row["hellaswag"] = scores.accuracy_by_characters
    return row


def _bits_per_byte(model: LanguageModel, data: TokenData, config: RunConfig, device: torch.device) -> float:
    path = Path(config.data.folder) / "val.txt"
    documents = first_documents(read_documents(path, config.dataset.separator), config.training.eval_bytes)
    windows = Windows(config.data.block_size, config.data.block_size, config.data.batch_size)
    return TextScore.of(list(score_documents(model, data.tokenizer, documents, windows, device))).bits_per_byte


def _diverged(step: int, loss: float, norm: float, folder: Path) -> str:
    last = folder / "checkpoints" / "last.pt"
    kept = f"{last} is from an earlier step" if last.exists() else "no checkpoint was written before"
    return f"step {step}: the loss is {loss}, the norm of its gradient {norm}; {kept}; lower training.learning_rate"


def _line(row: Row, max_steps: int) -> str:
    text = f"step {row['step']}/{max_steps} loss {row['train_loss']:.4f}"
    if row.get("val_loss") is not None:
        text += f" val {row['val_loss']:.4f} ppl {row['val_perplexity']:.2f} bpb {row['val_bits_per_byte']:.4f}"
    text += f" lr {row['learning_rate']:.2e} norm {row['gradient_norm']:.3f} {row['tokens_per_second']:.0f} tokens/s"
    if row["flops_utilisation"] is not None:
        text += f" mfu {row['flops_utilisation']:.1%}"
    return text
