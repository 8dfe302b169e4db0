"""A lost folder: the folder that a command writes to is removed at a random moment."""

from __future__ import annotations

import random
import shutil
from pathlib import Path

from bench.faults.tally import Tally
from bench.faults.tree import faults_midway, files_below
from bench.faults.work import Ground, Running


def lose_once(ground: Ground, folder: Path, draw: random.Random, tally: Tally) -> None:
    """Remove the folder `out` during one run; the command must end by itself and leave all other files unchanged."""
    running = Running(ground.work.words, ground.copy(folder), ground.environment)
    number, seconds = draw.randint(0, len(ground.changes)), draw.uniform(0, 0.03)
    running.wait_for(number, seconds if number else draw.uniform(0, ground.seconds))
    has_changed, alive = files_below(folder) != ground.before, running.is_alive()
    shutil.rmtree(folder / "out", ignore_errors=True)
    status = running.status()
    found = ["the command hangs"] if status is None else []
    if status:
        found += [line for line in (running.complaint_fault(),) if line]
    for line in faults_midway(folder, ground.before, ground.whole):
        if not (line.startswith("out/") and line.endswith("is gone")):
            found.append(line)
    phase = "after" if not alive else "during" if has_changed else "before"
    tally.add(phase, found, f"the folder removed {seconds:.3f} s after change {number} of its files")
    shutil.rmtree(folder)
