"""SIGKILL at a random moment: to the command alone, to one process that it started, or to all of them."""

from __future__ import annotations

import os
import random
import shutil
import signal
from contextlib import suppress
from pathlib import Path

from bench.faults.tally import Tally
from bench.faults.tree import faults_midway, files_below
from bench.faults.work import Ground, Running

VICTIMS = ("the command", "a process of it", "all processes")

AFTER_A_CHANGE = 0.03
"""A kill that is aimed at a change of a file comes within so many seconds after the change."""

AIMED = 2 / 3
"""The share of kills that are aimed at a change; the others come at any time."""


def kill_once(ground: Ground, folder: Path, draw: random.Random, tally: Tally) -> None:
    """Kill a run once and check its files; then run again, and compare the files with files of undisturbed work."""
    running = Running(ground.work.words, ground.copy(folder), ground.environment)
    about = _wait(running, ground, draw)
    has_changed = files_below(folder) != ground.before
    found, victim, alive = _kill(running, draw)
    phase = "after" if not alive else "during" if has_changed else "before"
    found += faults_midway(folder, ground.before, ground.whole)
    resumed, wrong = ground.compare_end(folder)
    tally.add(phase, [*found, *wrong], f"{victim} killed {about}", resumed=resumed)
    shutil.rmtree(folder)


def _wait(running: Running, ground: Ground, draw: random.Random) -> str:
    """Wait for a random moment of the work, and describe the moment in words."""
    if draw.random() > AIMED:
        seconds = draw.uniform(0, 1.02 * ground.seconds)
        running.wait_for(0, seconds)
        return f"after {seconds:.3f} s"
    number, seconds = draw.randint(1, len(ground.changes)), draw.uniform(0, AFTER_A_CHANGE)
    running.wait_for(number, seconds)
    return f"{seconds:.3f} s after change {number} of its files"


def _kill(running: Running, draw: random.Random) -> tuple[list[str], str, bool]:
    """Kill; return the broken promises, which process was killed, and whether the command was still at work."""
    victim, children = draw.choice(VICTIMS), running.children()
    alive = running.is_alive()
    if victim == VICTIMS[1] and children:
        with suppress(ProcessLookupError):
            os.kill(draw.choice(children), signal.SIGKILL)
        return _ended(running), victim, alive
    if victim == VICTIMS[2]:
        running.kill_group()
    else:
        victim = VICTIMS[0]
        running.process.kill()
    running.process.wait()
    return (["a process that it started lives on"] if running.outlived() else []), victim, alive


def _ended(running: Running) -> list[str]:
    """Return the broken promises of a command after one of its processes was killed; empty if all is well."""
    status = running.status()
    if status is None:
        return ["the command hangs"]
    found = [running.complaint_fault()] if status else []
    return [line for line in found if line] + (["a process lives on"] if running.outlived() else [])
