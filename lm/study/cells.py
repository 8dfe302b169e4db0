"""The cells of a study: one model per budget, tokenizer and seed, trained and scored once."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

import torch

from impls.command_line import is_out_of_memory
from impls.errors import FileFormatError, MergelabError, UsageError
from impls.storage import atomic_writer
from lm.accounting import count_parameters, predict_memory, training_flops_per_token
from lm.config import RunConfig, check
from lm.documents import first_documents, read_documents
from lm.evaluate import DocumentScore, Windows, score_documents
from lm.hellaswag import ItemScore, read_items, score_items
from lm.metrics import read_metrics
from lm.processes import find_device
from lm.results import Row, Scores
from lm.study.config import Budget, StudyConfig
from lm.study.texts import Say, bytes_per_token, make_ids, make_texts, named
from lm.train import train
from lm.trained import load_trained

SHORTEST_BLOCK = 8
"""Tokens of a window, at least, when windows have equal bytes."""


@dataclass(frozen=True)
class Cell:
    """A model to train.

    Attributes:
        config: of its run; the steps fit the budget.
        folder: of its run.
        bytes_per_token: bytes of training text per id.
    """

    budget: Budget
    tokenizer: str
    seed: int
    config: RunConfig
    folder: Path
    bytes_per_token: float

    def __str__(self) -> str:
        return f"{self.tokenizer}, seed {self.seed}, {self.budget}"


@dataclass(frozen=True)
class Result:
    """A cell that was trained and scored, or the reason why it was not.

    Attributes:
        facts: plain values: sizes, and what training took; see `_facts`.
        scores: of the validation documents and items; None if the cell failed.
        curve: the rows of its metrics.
        failure: one line; empty if there are scores.
    """

    budget: Budget
    tokenizer: str
    seed: int
    facts: Row
    scores: Scores | None
    curve: list[Row]
    failure: str = ""


class InterruptedStudyError(MergelabError):
    """A signal ended the study; `signal` is its number."""

    def __init__(self, signal: int) -> None:
        super().__init__("interrupted after a whole step")
        self.signal = signal


def run_cells(study: StudyConfig, folder: Path, say: Say) -> Iterator[Result]:
    """Train and score every cell that is not finished; a cell that fails is told, and the rest goes on.

    Args:
        study: the study.
        folder: holds texts, ids and runs; it must be claimed.
        say: called with a line about each cell.

    Yields:
        A result per cell, in the order of budgets, tokenizers, seeds.

    Raises:
        MergelabError: the texts cannot be made, or no text fell to validation.
        InterruptedStudyError: a signal came; the next call goes on.
    """
    texts = make_texts(study.dataset, folder, say)
    if not (texts / "val.txt").stat().st_size:
        raise FileFormatError(
            f"dataset {study.dataset.name}: no text fell to validation, so nothing could be compared; raise "
            "validation_share or max_documents"
        )
    configs: dict[str, RunConfig | str] = {}
    for name in study.tokenizers:
        try:
            configs[name] = make_ids(study, name, texts, folder, say)
        except MergelabError as error:
            say(f"{name}: failed: {error}")
            configs[name] = str(error)
    for budget in study.budgets:
        for name, config in configs.items():
            for seed in study.seeds:
                result = _attempt(study, budget, name, seed, config, folder)
                say(f"{name}, seed {seed}, {budget}: {_told(result)}")
                yield result


def _attempt(
    study: StudyConfig, budget: Budget, name: str, seed: int, config: RunConfig | str, folder: Path
) -> Result:
    failure = config if isinstance(config, str) else ""
    try:
        if not isinstance(config, str):
            return _finish(study, make_cell(study, budget, name, seed, config, folder))
    except InterruptedStudyError:
        raise
    except MergelabError as error:
        failure = str(error)
    except (MemoryError, RuntimeError) as error:
        if not is_out_of_memory(error):
            raise
        failure = "out of memory; lower data.batch_size"
    return Result(budget, name, seed, {}, None, [], failure)


def _told(result: Result) -> str:
    if result.scores is None:
        return f"failed: {result.failure}"
    return f"{result.scores.text.bits_per_byte:.4f} bits per byte, {result.facts['seconds']:.0f} s"


def make_cell(study: StudyConfig, budget: Budget, name: str, seed: int, config: RunConfig, folder: Path) -> Cell:
    """Fit the config of a run to a budget.

    Raises:
        UsageError: the budget is smaller than one step, or the windows do not fit the model.
    """
    ratio, block = bytes_per_token(config), config.data.block_size
    if study.context_bytes is not None:
        block = max(SHORTEST_BLOCK, round(study.context_bytes / ratio))
    per_step = config.data.batch_size * block * config.training.accumulation
    values = config.model_dump(mode="json")
    values["data"]["block_size"] = block
    if study.context_bytes is not None:
        values["model"]["context_length"] = block
    flops = training_flops_per_token(check(RunConfig, values, name).model, block)
    per_unit = {"tokens": 1.0, "bytes": ratio, "flops": flops}[budget.unit]
    steps = round(budget.amount / (per_unit * per_step))
    if budget.amount < per_unit * per_step:
        raise UsageError(
            f"budgets: {budget} are less than one step of {name}, which takes {per_unit * per_step:.4g}; give more"
        )
    values["training"] |= _training(study, seed, steps)
    made: RunConfig = check(RunConfig, values, name)
    label = f"{budget.unit}-{budget.amount:g}-{name}-s{seed}"
    settings = [study.eval_bytes, study.hellaswag, study.hellaswag_items]
    place = folder / "cells" / named(label, made.model_dump(mode="json", exclude={"name"}), settings)
    return Cell(budget, name, seed, made, place, ratio)


def _training(study: StudyConfig, seed: int, steps: int) -> dict[str, Any]:
    interval = max(1, steps // study.points)
    return {
        "seed": seed,
        "max_steps": steps,
        "log_interval": interval,
        "eval_interval": interval,
        "checkpoint_interval": max(1, steps // 2),
        "keep": 1,
        "sample_interval": None,
        "hellaswag": study.hellaswag,
        "hellaswag_items": study.hellaswag_items,
    }


def _finish(study: StudyConfig, cell: Cell) -> Result:
    """Train and score a cell, unless that is done."""
    path = cell.folder / "scores.jsonl"
    if not path.exists():
        _refuse_without_memory(cell)
        resume = (cell.folder / "checkpoints" / "last.pt").exists()
        if caught := train(cell.config, cell.folder, resume=resume):
            raise InterruptedStudyError(caught)
        rows = [*_score(study, cell).rows(), {"kind": "facts", **_facts(cell)}]
        with atomic_writer(path) as file:
            file.write("".join(json.dumps(row) + "\n" for row in rows).encode())
    scores, facts = _read(path)
    return Result(cell.budget, cell.tokenizer, cell.seed, facts, scores, read_metrics(cell.folder))


def _refuse_without_memory(cell: Cell) -> None:
    """Refuse a cell whose tensors do not fit into the memory that is free."""
    config, device = cell.config, find_device(cell.config.training.device)
    moments = 2 if config.training.optimizer == "adamw" else 0
    wanted = predict_memory(config.model, config.data.batch_size, config.data.block_size, moments=moments).total
    free = torch.cuda.mem_get_info(device)[0] if device.type == "cuda" else _free_memory()
    if wanted > free:
        raise UsageError(
            f"{cell}: takes {wanted / 1e9:.3g} GB of memory, and {free / 1e9:.3g} GB are free; lower data.batch_size"
        )


def _free_memory() -> int:
    """Return the bytes of memory that Linux would give; see proc_meminfo(5)."""
    for line in Path("/proc/meminfo").read_text().splitlines():
        if line.startswith("MemAvailable:"):
            return int(line.split()[1]) * 1024
    return 1 << 62


def _score(study: StudyConfig, cell: Cell) -> Scores:
    config = cell.config
    device = find_device(config.training.device)
    trained = load_trained(cell.folder, device)
    windows = Windows(config.data.block_size, config.data.block_size, config.data.batch_size)
    path = Path(config.data.folder) / "val.txt"
    documents = first_documents(read_documents(path, trained.separator), study.eval_bytes)
    scores = list(score_documents(trained.model, trained.tokenizer, documents, windows, device))
    items: list[ItemScore] = []
    if study.hellaswag:
        chosen = islice(read_items(Path(study.hellaswag)), study.hellaswag_items)
        items = list(score_items(trained.model, trained.tokenizer, chosen, device, windows.batch))
    return Scores(cell.folder.name, windows, scores, items)


def _facts(cell: Cell) -> Row:
    """Return what a cell is and what its training took, as plain values.

    `seconds` are those of training steps alone; `memory_bytes` are measured on a GPU, and otherwise predicted.
    """
    config, rows = cell.config, read_metrics(cell.folder)
    tokens = rows[-1]["tokens"]
    flops = training_flops_per_token(config.model, config.data.block_size)
    moments = 2 if config.training.optimizer == "adamw" else 0
    predicted = predict_memory(config.model, config.data.batch_size, config.data.block_size, moments=moments).total
    seconds = seconds_of(rows)[-1]
    return {
        "tokenizer": cell.tokenizer,
        "seed": cell.seed,
        "budget": str(cell.budget),
        "vocabulary": config.model.vocab_size,
        "parameters": count_parameters(config.model),
        "bytes_per_token": cell.bytes_per_token,
        "block_size": config.data.block_size,
        "steps": config.training.max_steps,
        "tokens": tokens,
        "bytes": round(tokens * cell.bytes_per_token),
        "flops": tokens * flops,
        "flops_per_token": flops,
        "seconds": seconds,
        "tokens_per_second": tokens / seconds,
        "memory_bytes": rows[-1]["gpu_memory_bytes"] or predicted,
    }


def seconds_of(rows: list[Row]) -> list[float]:
    """Return the seconds of training steps up to each row of metrics, without validation."""
    total, before, found = 0.0, 0, []
    for row in rows:
        total += (row["tokens"] - before) / row["tokens_per_second"]
        before = row["tokens"]
        found.append(total)
    return found


def _read(path: Path) -> tuple[Scores, Row]:
    """Read the scores of a finished cell."""
    try:
        rows = [json.loads(line) for line in path.read_bytes().splitlines()]
        documents = [_of(DocumentScore, row) for row in rows if row["kind"] == "document"]
        items = [_of(ItemScore, row) for row in rows if row["kind"] == "item"]
        total = next(row for row in rows if row["kind"] == "run")
        facts = next(row for row in rows if row["kind"] == "facts")
        return Scores(total["run"], Windows(**total["windows"]), documents, items), facts
    except (OSError, ValueError, LookupError, TypeError, StopIteration):
        raise FileFormatError(f"{path}: is damaged; remove this file and run the study again") from None


def _of(kind: Any, row: Row) -> Any:
    values = {field: row[field] for field in kind.__dataclass_fields__}
    return kind(**{field: tuple(value) if isinstance(value, list) else value for field, value in values.items()})


def rows_of(result: Result) -> Iterator[Row]:
    """Yield the rows of a result, each with the cell that it belongs to."""
    cell = {"tokenizer": result.tokenizer, "seed": result.seed, "budget": str(result.budget)}
    if result.scores is None:
        yield {"kind": "failed", **cell, "failure": result.failure}
        return
    yield from (row | cell for row in result.scores.rows())
    yield {"kind": "facts", **result.facts}
