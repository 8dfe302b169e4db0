"""Progress of long work: how much is done, how fast, and how long the rest will take."""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import dataclass
from shutil import get_terminal_size
from threading import Lock
from time import perf_counter
from typing import TextIO

EVERY_SECONDS, BAR_SECONDS = 5.0, 0.2
"""How often a line is printed to a file or a pipe, and how often a bar is drawn on a terminal."""


@dataclass(frozen=True)
class Progress:
    """The state of one piece of work.

    Attributes:
        stage: "count", "train" or "encode".
        done: how much is done, in `unit`.
        total: how much there is to do, in `unit`; None if that is not known.
        unit: "bytes" of the sources as they are stored, or "merges".
        seconds: time since the work began.
        is_last: whether the work ended, with or without success.
    """

    stage: str
    done: int
    total: int | None
    unit: str
    seconds: float
    is_last: bool = False

    @property
    def rate(self) -> float:
        """How much is done per second, in `unit`."""
        return self.done / self.seconds if self.seconds > 0 else 0.0

    @property
    def seconds_left(self) -> float | None:
        """How long the rest takes at this rate; None if that is not known."""
        if self.total is None or not self.done:
            return None
        return max(self.total - self.done, 0) / self.rate if self.rate else None

    def __str__(self) -> str:
        """Return the state as one line."""
        amounts = [self.done] if self.total is None else [self.done, self.total]
        scale, unit = (1e6, "MB") if self.unit == "bytes" else (1, self.unit)
        done = " of ".join(f"{amount / scale:.{1 if scale > 1 else 0}f}" for amount in amounts)
        share = f" ({min(self.done / self.total, 1):.0%})" if self.total else ""
        left = "" if self.seconds_left is None else f", {_time(self.seconds_left)} left"
        return f"{self.stage}: {done} {unit}{share}, {self.rate / scale:.1f} {unit}/s{left}"


ProgressListener = Callable[[Progress], None]


def _time(seconds: float) -> str:
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02d}:{rest:02d}" if hours else f"{minutes}:{rest:02d}"


class Meter:
    """Tells a listener about one piece of work as it goes on, and at its end; several threads may tell at once."""

    def __init__(self, listener: ProgressListener | None, stage: str, total: int | None, unit: str) -> None:
        """Begin at zero, now."""
        self._listener, self._stage, self._total, self._unit = listener, stage, total, unit
        self._started, self._done = perf_counter(), 0
        self._lock = Lock()

    def __enter__(self) -> Meter:
        """Return itself."""
        return self

    def __exit__(self, *_: object) -> None:
        """Tell that the work ended."""
        self.tell(self._done, is_last=True)

    def tell(self, done: int, is_last: bool = False) -> None:
        """Tell how much is done."""
        with self._lock:
            self._done = done
            if self._listener is not None:
                seconds = perf_counter() - self._started
                self._listener(Progress(self._stage, done, self._total, self._unit, seconds, is_last))

    def add(self, more: int) -> None:
        """Tell that `more` is done than before."""
        self.tell(self._done + more)


class Shown:
    """A listener that shows progress to a person: a bar on a terminal, else a line every few seconds."""

    def __init__(self, stream: TextIO | None = None) -> None:
        """Show on `stream`, by default standard error."""
        self._stream = sys.stderr if stream is None else stream
        self._is_terminal = self._stream is not None and self._stream.isatty()
        self._last = perf_counter()
        self._has_bar = False

    def __call__(self, progress: Progress) -> None:
        """Show the state, if the last one was shown long enough ago; at the end of the work, remove the bar."""
        if progress.is_last:
            self._remove_bar()
            return
        if progress.total is not None and progress.done >= progress.total:
            return  # The work ends now.
        now = perf_counter()
        if self._stream is None or now - self._last < (BAR_SECONDS if self._is_terminal else EVERY_SECONDS):
            return
        self._last = now
        if self._is_terminal:
            # A line that wraps could not be replaced by the next one.
            line = f"{_bar(progress)}{progress}"[: get_terminal_size().columns - 1]
            self._stream.write(f"\r\033[K{line}")
            self._has_bar = True
        else:
            self._stream.write(f"{progress}\n")
        self._stream.flush()

    def _remove_bar(self) -> None:
        if self._has_bar:
            self._stream.write("\r\033[K")
            self._stream.flush()
            self._has_bar = False


def _bar(progress: Progress, width: int = 20) -> str:
    if not progress.total:
        return ""
    full = int(width * min(progress.done / progress.total, 1))
    return f"[{'#' * full}{'.' * (width - full)}] "
