"""The metrics of a run: rows in JSONL and CSV, curves as SVG, an optional tracker, and progress on screen."""

from __future__ import annotations

import csv
import io
import json
import sys
import time
from importlib import import_module
from pathlib import Path
from typing import Any, Protocol

import torch
from tqdm import tqdm

from impls.errors import FileFormatError, UsageError
from impls.storage import atomic_writer
from lm.accounting import peak_flops, training_flops_per_token
from lm.config import RunConfig

COLUMNS = (
    "step",
    "tokens",
    "seconds",
    "train_loss",
    "train_perplexity",
    "learning_rate",
    "gradient_norm",
    "tokens_per_second",
    "flops_utilisation",
    "gpu_memory_bytes",
    "gpu_utilisation",
    "val_loss",
    "val_perplexity",
    "val_bits_per_byte",
    "hellaswag",
)
"""Columns of a row.

`seconds` are the time that the processes of the run worked on it; `tokens` count from the first step.
"""

Row = dict[str, Any]


class Tracker(Protocol):
    """Another place to which the rows are written, besides the files of the run folder."""

    def log(self, row: Row) -> None:
        """Add a row."""

    def close(self) -> None:
        """Finish."""


class TensorBoard:
    """Event files in the run folder."""

    def __init__(self, folder: Path, name: str) -> None:
        del name
        writer = _need("torch.utils.tensorboard", "tensorboard")
        self._writer = writer.SummaryWriter(str(folder / "tensorboard"))

    def log(self, row: Row) -> None:
        """Add a scalar per column."""
        for column, value in row.items():
            if column != "step" and value is not None:
                self._writer.add_scalar(column, value, row["step"])

    def close(self) -> None:
        """Write all rows to the disk, and close the event file."""
        self._writer.close()


class Trackio:
    """A local Trackio project; `trackio show` reads it."""

    def __init__(self, folder: Path, name: str) -> None:
        self._trackio = _need("trackio", "trackio")
        self._trackio.init(project=name, name=folder.name)

    def log(self, row: Row) -> None:
        """Add a row."""
        self._trackio.log({column: value for column, value in row.items() if value is not None}, step=row["step"])

    def close(self) -> None:
        """Finish the run."""
        self._trackio.finish()


TRACKERS: dict[str, type[TensorBoard] | type[Trackio]] = {"tensorboard": TensorBoard, "trackio": Trackio}


def _need(module: str, package: str) -> Any:
    try:
        return import_module(module)
    except ImportError:
        raise UsageError(
            f"training.tracker: {package} is not installed; run pip install {package}, or give none"
        ) from None


class MetricsLog:
    """`metrics.jsonl` and `metrics.csv` in a run folder, both complete after each row."""

    def __init__(self, folder: Path, first_step: int, tracker: str = "none", name: str = "") -> None:
        """Open the files; rows of steps after `first_step` are dropped, since a resumed run makes them again.

        Raises:
            UsageError: the tracker is not installed.
            FileFormatError: a file cannot be written.
        """
        self.folder = folder
        self.rows = [row for row in read_metrics(folder) if row["step"] <= first_step]
        with atomic_writer(folder / "metrics.jsonl") as file:
            file.write("".join(json.dumps(row) + "\n" for row in self.rows).encode())
        with atomic_writer(folder / "metrics.csv") as file:
            file.write(_csv([dict.fromkeys(COLUMNS), *self.rows], header=True).encode())
        self._tracker: Tracker | None = TRACKERS[tracker](folder, name) if tracker in TRACKERS else None

    def add(self, row: Row) -> None:
        """Append a row; columns that were not measured are null.

        Raises:
            FileFormatError: a file cannot be written.
        """
        row = {column: row.get(column) for column in COLUMNS}
        self.rows.append(row)
        self._append("metrics.jsonl", json.dumps(row) + "\n")
        self._append("metrics.csv", _csv([row]))
        if self._tracker:
            self._tracker.log(row)

    def _append(self, name: str, text: str) -> None:
        path = self.folder / name
        try:
            with path.open("a", newline="") as file:
                file.write(text)
        except OSError as error:
            raise FileFormatError(f"{path}: {error.strerror}; make room and resume the run") from None

    def close(self) -> None:
        """Draw the curves and finish the tracker."""
        plot_losses(self.rows, self.folder / "loss.svg")
        if self._tracker:
            self._tracker.close()


def _csv(rows: list[Row], header: bool = False) -> str:
    text = io.StringIO(newline="")
    writer = csv.DictWriter(text, COLUMNS)
    if header:
        writer.writeheader()
        rows = rows[1:]
    writer.writerows(rows)
    return text.getvalue()


def read_metrics(folder: Path) -> list[Row]:
    """Return the rows of a run; a last line that is cut off is left out.

    Raises:
        FileFormatError: the file cannot be read, or another line is not a row; the message has the line's number.
    """
    path = folder / "metrics.jsonl"
    try:
        lines = path.read_bytes().splitlines() if path.exists() else []
    except OSError as error:
        raise FileFormatError(f"{path}: {error.strerror}; give the folder of a run") from None
    rows = [_parse_row(line) for line in lines]
    if rows and rows[-1] is None:
        rows.pop()
    if None in rows:
        number = rows.index(None) + 1
        raise FileFormatError(f"{path}: line {number}: is not a row of metrics; repair or remove the line")
    return [row for row in rows if row is not None]


def _parse_row(line: bytes) -> Row | None:
    """Return the row of a line; None if the line is not a row."""
    try:
        row: Row = json.loads(line)
        return row if type(row["step"]) is int else None
    except (ValueError, LookupError, TypeError, RecursionError):
        return None


def plot_losses(rows: list[Row], path: Path) -> None:
    """Draw losses and bits per byte over steps, and HellaSwag if it was measured."""
    from matplotlib import rc_context
    from matplotlib.figure import Figure

    panels = [("nats per token", ["train_loss", "val_loss"]), ("bits per byte", ["val_bits_per_byte"])]
    if any(row.get("hellaswag") is not None for row in rows):
        panels.append(("HellaSwag, share right", ["hellaswag"]))
    figure = Figure(figsize=(5 * len(panels), 3.5), layout="constrained")
    for axes, (title, columns) in zip(figure.subplots(1, len(panels), squeeze=False)[0], panels, strict=True):
        for column in columns:
            points = [(row["step"], row[column]) for row in rows if row.get(column) is not None]
            if points:
                axes.plot(*zip(*points, strict=True), label=column, marker="." if len(points) < 30 else "")
        axes.set(xlabel="step", title=title)
        if axes.lines:
            axes.legend()
    image = io.BytesIO()
    # Without a date, and with names that are not drawn by chance, the same rows give the same file.
    with rc_context({"svg.hashsalt": "mergelab"}):
        figure.savefig(image, format="svg", metadata={"Date": None})
    with atomic_writer(path) as file:
        file.write(image.getvalue())


def gpu_state(device: torch.device) -> Row:
    """Return the columns of a GPU: peak memory in bytes, utilisation in percent; no columns on a CPU."""
    if device.type != "cuda":
        return {}
    state: Row = {"gpu_memory_bytes": torch.cuda.max_memory_allocated(device)}
    try:
        state["gpu_utilisation"] = torch.cuda.utilization(device)
    except Exception:  # NVIDIA's library is missing, or the GPU does not report its utilisation.
        state["gpu_utilisation"] = None
    return state


class Speed:
    """Measures tokens per second, and the share of the device's peak speed, over the steps since the last row."""

    def __init__(self, config: RunConfig, device: torch.device, n_processes: int, seconds: float = 0.0) -> None:
        """Start the clock; `seconds` were spent on the run before."""
        training, data = config.training, config.data
        self._tokens_per_step = data.batch_size * data.block_size * training.accumulation
        self._flops_per_token = training_flops_per_token(config.model, data.block_size)
        peak = peak_flops(device, training.precision, training.peak_tflops)
        self._peak = peak * n_processes if peak else None
        self._started = time.perf_counter() - seconds
        self._seconds, self._steps = 0.0, 0

    def add(self, seconds: float) -> None:
        """Count a step that took `seconds`."""
        self._seconds, self._steps = self._seconds + seconds, self._steps + 1

    def columns(self, done: int) -> Row:
        """Return the columns of a row after `done` steps since the first."""
        speed = self._tokens_per_step * self._steps / self._seconds
        self._seconds, self._steps = 0.0, 0
        return {
            "tokens": done * self._tokens_per_step,
            "seconds": time.perf_counter() - self._started,
            "tokens_per_second": speed,
            "flops_utilisation": speed * self._flops_per_token / self._peak if self._peak else None,
        }


class Progress:
    """Progress on screen: a terminal shows a bar with count, rate and time left, other outputs get lines."""

    def __init__(self, total: int, done: int, silent: bool = False) -> None:
        self._silent = silent
        self._bar = None
        if not silent and sys.stderr.isatty():
            self._bar = tqdm(total=total, initial=done, unit="step", dynamic_ncols=True)

    def advance(self) -> None:
        """Count a step."""
        if self._bar is not None:
            self._bar.update()

    def say(self, line: str) -> None:
        """Print a line, above the bar if there is one."""
        if not self._silent:
            tqdm.write(line, file=sys.stderr) if self._bar is not None else print(line, file=sys.stderr, flush=True)

    def close(self) -> None:
        """Finish the bar, which stays on screen."""
        if self._bar is not None:
            self._bar.close()
