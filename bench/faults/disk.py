"""A full disk, imitated: the kernel refuses to let any file grow beyond a random size."""

from __future__ import annotations

import random
import resource
import shutil
from pathlib import Path

from bench.faults.tally import Tally
from bench.faults.tree import faults_midway, files_below, leftovers
from bench.faults.work import Ground, Running

FULL = "File too large"
"""The system's message when a file would grow beyond the size."""

LEAST = 512
"""Bytes of the smallest disk: the error message of the command is a file too, and must fit."""


def fill_once(ground: Ground, folder: Path, draw: random.Random, tally: Tally) -> None:
    """Fill the disk during one run and check its files; then make room, run again, and compare the final files."""
    sizes = sorted({len(content) for name, content in ground.whole.items() if ground.before.get(name) != content})
    limit = max(LEAST, draw.randrange(draw.choice(sizes) + 1))
    running = Running(ground.work.words, ground.copy(folder), ground.environment)
    resource.prlimit(running.process.pid, resource.RLIMIT_FSIZE, (limit, limit))
    found, status = [], running.status()
    phase = "after" if status == ground.status and FULL not in running.told() else "during"
    if status is None:
        found.append("the command hangs")
    elif phase == "during":
        found += [line for line in (running.complaint_fault(),) if line]
        if files_below(folder) == ground.before:
            phase = "before"
    found += [*faults_midway(folder, ground.before, ground.whole), *leftovers(folder, ground.before)]
    resumed, wrong = ground.compare_end(folder)
    tally.add(phase, [*found, *wrong], f"files of at most {limit} bytes", resumed=resumed)
    shutil.rmtree(folder)
