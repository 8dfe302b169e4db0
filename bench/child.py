"""Processes of their own for what is measured: how they are started, and how they answer.

A child takes an order, JSON in its last argument, and prints a report as JSON on a line of its own. Nothing is imported
at the top of this module that a child does not need: its imports are measured too.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parent.parent
"""Where children run: the folder of the project."""


def answer(carry_out: Callable[[dict[str, Any]], dict[str, Any]]) -> int:
    """Carry out the order in the last argument and print the report; returns the exit status. For the child."""
    from impls.errors import MergelabError

    try:
        print("\n" + json.dumps(carry_out(json.loads(sys.argv[-1]))), flush=True)
    except MergelabError as error:
        print(error, file=sys.stderr)
        return error.exit_status
    return 0


def run(command: Sequence[str], *, environment: Mapping[str, str] | None = None, timeout: float | None = None) -> str:
    """Run a command in the project's folder and return its standard output.

    Args:
        command: the program and its arguments.
        environment: variables beside those of this process.
        timeout: seconds after which it counts as hung; none by default.

    Raises:
        MergelabError: it failed, hangs, or cannot be started; the message is its last line.
    """
    import os
    import subprocess

    from impls.errors import MergelabError

    try:
        done = subprocess.run(
            command, cwd=ROOT, env={**os.environ, **(environment or {})}, stdin=subprocess.DEVNULL,
            capture_output=True, text=True, check=False, timeout=timeout, errors="replace",
        )  # fmt: skip
    except subprocess.TimeoutExpired:
        raise MergelabError(f"no end after {timeout:g} s") from None
    except OSError as error:
        raise MergelabError(str(error.strerror)) from None
    if done.returncode:
        raise MergelabError(last_line(done.stderr) or f"ended with status {done.returncode}")
    return done.stdout


def order(module: str, job: Mapping[str, Any], *, empty_cache: bool = False) -> dict[str, Any]:
    """Let `python -m module` carry out an order, and return its report.

    `spawned` is added to the order: the clock (`time.monotonic`) before the process starts. With `empty_cache`, the
    process finds no compiled code.

    Raises:
        MergelabError: see `run`.
    """
    import tempfile
    from time import monotonic

    with tempfile.TemporaryDirectory(prefix="mergelab-") as empty:
        environment = {"MERGELAB_CACHE": empty} if empty_cache else {}
        command = [sys.executable, "-m", module, json.dumps({**job, "spawned": monotonic()})]
        return report_in(run(command, environment=environment))


def report_in(output: str) -> dict[str, Any]:
    """Return the report in what a child printed, whatever a tool printed after it.

    Raises:
        MergelabError: there is none.
    """
    from impls.errors import MergelabError

    for line in reversed(output.splitlines()):
        if line.startswith("{"):
            report: dict[str, Any] = json.loads(line)
            return report
    raise MergelabError("the process said nothing")


def last_line(text: str) -> str:
    """Return the last line that says something."""
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    return lines[-1] if lines else ""


def peak_rss() -> int:
    """Return the largest resident size of this process so far in bytes, mapped files included.

    `getrusage` would begin with the size of the process that started this one.
    """
    lines = Path("/proc/self/status").read_text().splitlines()
    kilobytes = next(line.split()[1] for line in lines if line.startswith("VmHWM"))
    return 1024 * int(kilobytes)
