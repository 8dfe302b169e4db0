"""Measured work runs in a process of its own, a child: this module starts the child and reads its answer.

A child takes an order, JSON in its last argument, and prints a report, JSON on a line of its own. Many measurements
begin at the start of the process, so the top of this module imports only what every child needs.
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
    """Carry out the order in the last argument, and print the report; a child calls this. Returns the exit status."""
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
        environment: variables that the command gets in addition to the variables of this process.
        timeout: seconds after which the command counts as hung; none by default.

    Raises:
        MergelabError: the command failed, hangs, or cannot be started; the message is the last line of its standard
            error. After an interrupt or a hang, the command and all processes that it started are killed.
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
        raise MergelabError(
            f"{command[0]}: cannot be started: {error.strerror}; install it, or correct its path"
        ) from None
    output, errors = _outputs(process, timeout)
    if process.returncode:
        raise MergelabError(
            last_line(errors) or f"the process ended with status {process.returncode}; run it by itself"
        )
    return output


def _outputs(process: Popen[str], timeout: float | None) -> tuple[str, str]:
    """Wait for a process; return its standard output and error. After an interrupt or a hang, kill its group."""
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
            raise  # Raised at once: after an interrupt, nobody waits until the child's memory is freed.
        with process:
            raise MergelabError(f"the process did not end within {timeout:g} s; give it less work") from None
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
    """Start `python -m module` with an order, and return the report of that child.

    Args:
        module: the module to run; its `__main__` part must call `answer`.
        job: the order. The field `spawned` is added to it: `time.monotonic()` right before the process starts.
        empty_cache: whether the process starts with an empty cache of compiled code.
        environment, timeout: see `run`.

    Raises:
        MergelabError: the process failed, as `run` describes, or printed no report.
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
    """Return the report in the output of a child; lines that a tool printed after it are ignored.

    Raises:
        MergelabError: the output holds no report.
    """
    from impls.errors import MergelabError

    for line in reversed(output.splitlines()):
        if line.startswith("{"):
            report: dict[str, Any] = json.loads(line)
            return report
    raise MergelabError("the process ended with status 0 but printed no report; let it print one as a line of JSON")


def last_line(text: str) -> str:
    """Return the last line that is not blank; empty if all lines are blank."""
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    return lines[-1] if lines else ""


def peak_rss() -> int:
    """Return the peak of this process's resident memory so far, in bytes, mapped files included.

    `getrusage` is not used: its peak also covers the process that started this process.
    """
    lines = Path("/proc/self/status").read_text().splitlines()
    kilobytes = next(line.split()[1] for line in lines if line.startswith("VmHWM"))
    return 1024 * int(kilobytes)
