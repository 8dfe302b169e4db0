"""Processes of their own for measured work: how such a process is started, and how it answers.

A child takes an order, JSON in its last argument, and prints a report, JSON on a line of its own. The time from the
start of the process is often what is measured, so the top of this module imports only what every child needs.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from subprocess import Popen

ROOT = Path(__file__).parent.parent
"""The folder of the project, where children run."""


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
        environment: variables added to the environment of this process.
        timeout: seconds after which the command counts as hung; none by default.

    Raises:
        MergelabError: the command failed, hangs, or cannot be started; the message is the last line of its errors.
            An interrupt or a hang ends the command with all processes that it started.
    """
    import os
    from subprocess import DEVNULL, PIPE, Popen

    from impls.errors import MergelabError

    try:
        process = Popen(
            command, cwd=ROOT, env={**os.environ, **(environment or {})}, text=True, errors="replace",
            stdin=DEVNULL, stdout=PIPE, stderr=PIPE, process_group=0,
        )  # fmt: skip
    except OSError as error:
        raise MergelabError(f"{command[0]}: {error.strerror}") from None
    output, errors = _outputs(process, timeout)
    if process.returncode:
        raise MergelabError(last_line(errors) or f"ended with status {process.returncode}")
    return output


def _outputs(process: Popen[str], timeout: float | None) -> tuple[str, str]:
    """Return standard output and error of a process after its end; kill its group on an interrupt or a hang."""
    import os
    import signal
    from concurrent.futures import ThreadPoolExecutor
    from contextlib import suppress
    from subprocess import TimeoutExpired

    from impls.errors import MergelabError

    reader = ThreadPoolExecutor(1)
    try:
        # In a thread: in the main thread, `communicate` would go on waiting for the child after an interrupt.
        return reader.submit(process.communicate, timeout=timeout).result()
    except BaseException as error:
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        if not isinstance(error, TimeoutExpired):
            raise  # At once: whoever interrupts does not wait for the child's memory to be freed.
        with process:
            raise MergelabError(f"the process did not end within {timeout:g} s") from None
    finally:
        reader.shutdown(wait=False)


def order(
    module: str,
    job: Mapping[str, Any],
    *,
    empty_cache: bool = False,
    environment: Mapping[str, str] | None = None,
    timeout: float | None = None,
) -> dict[str, Any]:
    """Let `python -m module` carry out an order, and return its report.

    Args:
        module: its `__main__` part calls `answer`.
        job: the order. `spawned` is added to it: `time.monotonic()` right before the process starts.
        empty_cache: whether the process finds no compiled code.
        environment, timeout: see `run`.

    Raises:
        MergelabError: see `run`; or the process printed no report.
    """
    import concurrent.futures.thread
    import subprocess
    import tempfile
    from time import monotonic

    del concurrent, subprocess  # `run` needs them; they are imported here, before the clock starts.
    with tempfile.TemporaryDirectory(prefix="mergelab-") as empty:
        cache = {"MERGELAB_CACHE": empty} if empty_cache else {}
        command = [sys.executable, "-m", module, json.dumps({**job, "spawned": monotonic()})]
        return report_in(run(command, environment={**(environment or {}), **cache}, timeout=timeout))


def report_in(output: str) -> dict[str, Any]:
    """Return the report in the output of a child, whatever a tool printed after it.

    Raises:
        MergelabError: there is none.
    """
    from impls.errors import MergelabError

    for line in reversed(output.splitlines()):
        if line.startswith("{"):
            report: dict[str, Any] = json.loads(line)
            return report
    raise MergelabError("the process printed no report")


def last_line(text: str) -> str:
    """Return the last line that is not blank; empty where there is none."""
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    return lines[-1] if lines else ""


def peak_rss() -> int:
    """Return the largest resident size of this process so far in bytes, mapped files included.

    `getrusage` would begin with the size of the process that started this one.
    """
    lines = Path("/proc/self/status").read_text().splitlines()
    kilobytes = next(line.split()[1] for line in lines if line.startswith("VmHWM"))
    return 1024 * int(kilobytes)
