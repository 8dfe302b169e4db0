"""Work that faults disturb: a command line that runs in a folder of its own."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from bench.child import ROOT
from bench.faults.tree import Files, faults_at_the_end, files_below, state
from impls.errors import MergelabError

LONGEST = 180.0
"""Seconds after which a process counts as hung."""

PATIENCE = 10.0
"""Seconds in which the processes that a killed command started must end by themselves."""

_POLL = 0.002


@dataclass(frozen=True)
class Work:
    """One kind of work, a row of the table in `bench.faults.works`.

    Attributes:
        name: the name that a record and `only` use.
        words: the command line after `python`; the command writes only below the folder `out`.
        before: a command line that makes the files that the work reads; empty if there are none.
        again: the command line that goes on with interrupted work; `words` by default.
        mark: `again` is run after a fault only if this file exists, otherwise `words` is run; empty: always `again`.
        package: a package that the work needs; empty if it needs none.
    """

    name: str
    words: tuple[str, ...]
    before: tuple[str, ...] = ()
    again: tuple[str, ...] = ()
    mark: str = ""
    package: str = ""


@dataclass(frozen=True)
class Ground:
    """The files with which work begins, and the results of the work without a fault.

    Attributes:
        work: the kind of work.
        base: a folder; each run works in a copy of it.
        environment: the environment variables of all processes.
        before: the files of `base`, with their content.
        whole: the files after undisturbed work, with their content.
        status: the exit status of undisturbed work.
        seconds: how long undisturbed work took.
        changes: the moments at which files changed, in seconds after the start of undisturbed work.
    """

    work: Work
    base: Path
    environment: Mapping[str, str]
    before: Files = field(repr=False)
    whole: Files = field(repr=False)
    status: int
    seconds: float
    changes: tuple[float, ...]

    def copy(self, folder: Path) -> Path:
        """Copy `base` to a new folder, in which the work can begin."""
        shutil.copytree(self.base, folder)
        return folder

    def go_on(self, folder: Path) -> Running:
        """Start the work again after a fault."""
        work = self.work
        is_begun = work.again and (folder / work.mark).exists()
        return Running(work.again if is_begun else work.words, folder, self.environment)

    def compare_end(self, folder: Path) -> tuple[bool, list[str]]:
        """Let the work go on after a fault; return whether its exit status is right, and the broken promises."""
        running = self.go_on(folder)
        status = running.status()
        ended = status == self.status
        found = [] if ended else [f"begun again, it ended with status {status}: {running.told().strip()}"]
        return ended, [*found, *faults_at_the_end(folder, self.whole)]


class Running:
    """A running command, with its child processes in a process group of its own."""

    def __init__(self, words: Sequence[str], folder: Path, environment: Mapping[str, str]) -> None:
        """Start `python WORDS` in the folder; its standard error is kept in a file beside the folder."""
        self.folder, self.started = folder, time.monotonic()
        self._told = folder.with_name(f"{folder.name}.stderr")
        with self._told.open("wb") as told:
            self.process = subprocess.Popen(
                [sys.executable, *words], cwd=folder, env=environment, stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL, stderr=told, process_group=0,
            )  # fmt: skip

    @property
    def seconds(self) -> float:
        """Seconds since the start of the process."""
        return time.monotonic() - self.started

    def is_alive(self) -> bool:
        """Tell whether the process is still running."""
        return self.process.poll() is None

    def children(self) -> list[int]:
        """Return the ids of the processes that this process has started."""
        number = self.process.pid
        try:
            return [int(word) for word in Path(f"/proc/{number}/task/{number}/children").read_text().split()]
        except OSError:
            return []

    def status(self) -> int | None:
        """Wait for the end and return the exit status; if the process hangs, kill its group and return None."""
        try:
            return self.process.wait(LONGEST)
        except subprocess.TimeoutExpired:
            self.kill_group()
            self.process.wait()
            return None

    def kill_group(self) -> None:
        """Kill the process and all processes that it started."""
        with suppress(ProcessLookupError):
            os.killpg(self.process.pid, signal.SIGKILL)

    def outlived(self) -> bool:
        """Tell whether a process of the group still runs after `PATIENCE` seconds; if so, the group is killed."""
        stop = time.monotonic() + PATIENCE
        while group_is_alive(self.process.pid):
            if time.monotonic() > stop:
                self.kill_group()
                return True
            time.sleep(0.02)
        return False

    def told(self) -> str:
        """Return the text that the process printed to standard error."""
        return self._told.read_text(errors="replace")

    def complaint_fault(self) -> str:
        """Return the fault of the error message of a failed command; empty if its last line is a proper error."""
        told = self.told()
        last = told.strip().splitlines()[-1:] or ["nothing"]
        if "Traceback" in told:
            return f"ended with a traceback: {last[0]}"
        return "" if ": error: " in last[0] else f"ended without the line of an error: {last[0]}"

    def wait_for(self, changes: int, seconds: float) -> None:
        """Wait for a number of changes of files, then for some seconds; stop waiting when the process ends."""
        last = state(self.folder)
        while changes and self.is_alive():
            now = state(self.folder)
            changes -= now != last
            last = now
            time.sleep(_POLL)
        stop = time.monotonic() + seconds
        while self.is_alive() and (left := stop - time.monotonic()) > 0:
            time.sleep(min(left, 10 * _POLL))

    def changes(self) -> list[float]:
        """Watch the process until its end; return when files changed, in seconds after its start."""
        found, last = [], state(self.folder)
        while self.is_alive() and self.seconds < LONGEST:
            now = state(self.folder)
            if now != last:
                found.append(self.seconds)
                last = now
            time.sleep(_POLL)
        return found


def group_is_alive(group: int) -> bool:
    """Tell whether any process of a group runs; a zombie, which has ended already, does not count."""
    for path in Path("/proc").glob("[0-9]*/stat"):
        try:
            status, _, found = path.read_text().rsplit(")", 1)[1].split()[:3]
        except (OSError, ValueError):
            continue
        if int(found) == group and status != "Z":
            return True
    return False


def undisturbed(work: Work, base: Path, folder: Path, environment: Mapping[str, str]) -> Ground:
    """Do the work without a fault, in a copy of `base`; return its files, exit status and times.

    Raises:
        MergelabError: the work hangs or fails even without a fault, or changes files outside of `out`.
    """
    if work.before:
        _done(work.before, base, environment)
    shutil.copytree(base, folder)
    running = Running(work.words, folder, environment)
    changes = running.changes()
    status = running.status()
    if status not in (0, 1) or not changes:
        raise MergelabError(
            f"{work.name}: failed even without a fault: {running.told().strip() or 'it wrote nothing'}; "
            "repair this work first"
        )
    before, whole = files_below(base), files_below(folder)
    for name, content in before.items():
        if not name.startswith("out/") and whole.get(name) != content:
            raise MergelabError(f"{work.name}: changed {name}; let it write only below the folder out")
    return Ground(work, base, environment, before, whole, status, running.seconds, tuple(changes))


def _done(words: Sequence[str], folder: Path, environment: Mapping[str, str]) -> None:
    running = Running(words, folder, environment)
    if running.status() != 0:
        raise MergelabError(f"python {' '.join(words)}: {running.told().strip()}; repair this command first")


def environment_for(**more: str) -> dict[str, str]:
    """Return the environment of all processes: they run this code, in one thread, and write only below `out`."""
    own = {
        "PYTHONPATH": str(ROOT),
        "PYTHONDONTWRITEBYTECODE": "1",
        "OMP_NUM_THREADS": "1",
        "MERGELAB_DATA": "out/data",
    }
    return {**os.environ, **own, **more}
