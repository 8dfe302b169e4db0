"""What a tool is: all that the project has to know of it, in one row.

A digest is JSON with, as the tool has them: `functions` (own and cumulative seconds, calls), `sites` (peak bytes by
call site), `memory` (resident bytes over time with children), `counters`, `tensor_bytes` (what the tensors of a
training step hold, predicted and measured), `call` and `compiled` (instructions, branches and misses of a call, with
`per` and `units` to divide by), and always the slow-down that the tool causes.
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
    """Run a command, its variables beside those of this process, and return its standard output.

    Raises:
        MergelabError: it failed, hangs, or cannot be started.
    """
    del raw
    return child.run(command, environment=environment, timeout=TIMEOUT)


@dataclass(frozen=True)
class Tool:
    """One tool. Nothing here imports the tool itself before it is used.

    Attributes:
        name: as on the command line; that of its module.
        sees: what it can and cannot see, for people.
        needs: the package to install; empty if it comes with Python.
        absent: tells why this machine cannot run it, and what to do; empty if it can.
        suffix: of the raw file.
        repeats: how often the work is repeated, 0 for so often that samplers see short work; peaks of memory need it
            once.
        warms: whether a call goes before the profiled ones, even where it loads no code.
        stages: what it can look into; empty for everything.
        suite: what it looks at in the suite.
        command: what runs the profiled process, without the order.
        environment: variables set for that process.
        start: (command with order, environment, raw file) to what the process printed.
        arrive: what the profiled process does before it prepares the work.
        context: what the work runs in, inside that process; leaves the raw file.
        facts: what the profiled process adds to the digest after the work.
        digest: reads the raw file.
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
