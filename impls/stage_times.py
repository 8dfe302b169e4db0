"""How long the stages of training take; the times of the stages add up to the total."""

from __future__ import annotations

from time import perf_counter

from impls.contract import MergeEvent, MergeListener
from impls.progress import Progress, Shown

STAGES = {"count": "counting", "train": "training"}


class StageTimes:
    """Measures the stages one after the other, and shows progress meanwhile.

    Attributes:
        stages: a dict: stage -> its time in seconds, in the order of the stages.
        merges: time of all merges in seconds.
    """

    def __init__(self, quiet: bool) -> None:
        """Begin now; `quiet` means that no progress is shown."""
        self._shown = None if quiet else Shown()
        self._last = perf_counter()
        self.stages: dict[str, float] = {}
        self.merges = 0.0

    @property
    def total(self) -> float:
        """Time of all stages in seconds."""
        return sum(self.stages.values())

    def mark(self, stage: str) -> None:
        """End a stage now; the next stage begins."""
        now = perf_counter()
        self.stages[stage], self._last = now - self._last, now

    def on_progress(self, progress: Progress) -> None:
        """Show progress; at the end of a stage, note its time."""
        if self._shown:
            self._shown(progress)
        if progress.is_last:
            self.mark(STAGES[progress.stage])

    def on_merge(self, listener: MergeListener) -> MergeListener:
        """Return a listener that adds up the times of merges and then calls `listener`."""

        def listen(event: MergeEvent) -> None:
            self.merges += event.seconds
            listener(event)

        return listen

    def told(self) -> str:
        """Return one line per stage; training is told in two parts, the merges and everything around them."""
        lines = []
        for stage, seconds in self.stages.items():
            if stage == "training":
                lines.append(f"merges: {self.merges:.6f} s")
                stage, seconds = "laying out pretokens, telling of merges", seconds - self.merges
            lines.append(f"{stage}: {seconds:.6f} s")
        return "\n".join([*lines, f"total: {self.total:.6f} s"])
