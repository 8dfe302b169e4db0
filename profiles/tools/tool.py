"""The type of a tool: one row holds everything that the project has to know about a tool.

A digest is JSON. It always holds the slow-down that the tool causes. Depending on the tool, it also holds:
`functions` (own and cumulative seconds, calls), `sites` (peak bytes by call site), `memory` (resident bytes over
time, children included), `counters`, `tensor_bytes` (bytes of the tensors of a training step, predicted and
measured), `call` and `compiled` (instructions, branches and misses, to be divided by `repeats` and `units`).
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from bench import child
from profiles.targets import Subject

TIMEOUT = 600.0
"""Seconds after which a process counts as hung."""

PROFILED = "profiles.inside"
"""The module that is the profiled process; its order is the last argument."""


def run_child(command: Sequence[str], environment: Mapping[str, str], raw: Path) -> str:
    """Run a command, with `environment` added to the variables of this process, and return its standard output.

    Raises:
        MergelabError: the command failed, hangs, or cannot be started.
    """
    del raw
    return child.run(command, environment=environment, timeout=TIMEOUT)


@dataclass(frozen=True)
class Tool:
    """One tool. A row imports the package of the tool only when the tool is used.

    Attributes:
        name: the name on the command line; also the name of the module.
        sees: a phrase for people that says what the tool sees, and what it does not see.
        needs: the package to install; empty if the tool comes with Python.
        absent: returns why this machine cannot run the tool, and what to do; empty if it can.
        suffix: the suffix of the raw file.
        repeats: how often the work runs; 0 means that short work is repeated until samplers see it. To measure a peak
            of memory, the work must run once.
        warms: whether a call is made before the profiled calls even if it loads no code.
        stages: the stages that the tool can look into; empty if it can look into all.
        suite: yields the subjects that the tool looks at in the suite.
        command: returns the command that runs the profiled process, without the order.
        environment: variables that are set for the profiled process.
        start: takes a complete command, an environment and the raw file; runs the process and returns its output.
        arrive: called in the profiled process before it prepares the work.
        context: the context manager in which the work runs, in the profiled process; it writes the raw file.
        facts: called in the profiled process after the work; returns further fields of the digest.
        digest: reads the raw file and returns the digest.
    """

    name: str
    sees: str
    needs: str = ""
    absent: Callable[[], str] = str
    suffix: str = ""
    repeats: int = 0
    warms: bool = False
    stages: tuple[str, ...] = ()
    suite: Callable[[], Iterable[Subject]] = tuple
    command: Callable[[Path], Sequence[str]] = lambda _: (sys.executable, "-m", PROFILED)
    environment: Mapping[str, str] = field(default_factory=dict)
    start: Callable[[Sequence[str], Mapping[str, str], Path], str] = run_child
    arrive: Callable[[], None] = lambda: None
    context: Callable[[Path], AbstractContextManager[Any]] = lambda _: nullcontext()
    facts: Callable[[Subject], dict[str, Any]] = lambda _: {}
    digest: Callable[[Path], dict[str, Any]] = lambda _: {}
