"""The processes of a launch, seen from outside: start, orders, answers, end."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

from bench.child import ROOT, last_line
from bench.turns import Side
from impls import MergelabError

WORKER = "bench.revisions.worker"


class CaseError(MergelabError):
    """The code of a side raised an error in a case, or its output is wrong.

    Attributes:
        side: "base" or "head".
    """

    def __init__(self, side: str, message: str) -> None:
        """Name the side and say what happened."""
        super().__init__(f"{side}: {message}")
        self.side = side


@dataclass(frozen=True)
class SideProcess:
    """A process that runs the sources of one side.

    Attributes:
        name: "base" or "head", for messages.
        process: running `bench.revisions.worker`.
        errors: the file of its standard error.
    """

    name: str
    process: subprocess.Popen[str]
    errors: BinaryIO

    def send(self, **order: Any) -> None:
        """Send an order.

        Raises:
            MergelabError: the process has ended.
        """
        assert self.process.stdin
        try:
            print(json.dumps(order), file=self.process.stdin, flush=True)
        except BrokenPipeError:
            raise self._ended() from None

    def answer(self) -> dict[str, Any]:
        """Wait for the answer to the oldest order.

        Raises:
            CaseError: the code of the side raised an error.
            MergelabError: the process has ended.
        """
        assert self.process.stdout
        line = self.process.stdout.readline()
        if not line:
            raise self._ended()
        answer: dict[str, Any] = json.loads(line)
        if "error" in answer:
            raise CaseError(self.name, answer["error"])
        return answer

    def ask(self, **order: Any) -> dict[str, Any]:
        """Send an order and wait for its answer; raises what both raise."""
        self.send(**order)
        return self.answer()

    def side(self, case: str) -> Side:
        """Return the side that takes the turns of a case that was prepared."""
        return lambda calls: float(self.ask(do="time", case=case, calls=calls)["seconds"])

    def _ended(self) -> MergelabError:
        status = self.process.wait()
        self.errors.seek(0)
        why = last_line(self.errors.read().decode(errors="replace"))
        return MergelabError(f"{self.name}: its process ended with status {status}{why and ': '}{why}")


@contextmanager
def started(name: str, sources: Path, environment: Mapping[str, str]) -> Iterator[SideProcess]:
    """Start the process of a side; at the end it is killed, with all processes that it started.

    Args:
        name: of the side.
        sources: the folder with its packages.
        environment: variables added to the environment of this process.
    """
    path = os.pathsep.join([str(sources), str(ROOT)])
    with tempfile.TemporaryFile() as errors:
        process = subprocess.Popen(
            [sys.executable, "-m", WORKER], cwd=sources, env={**os.environ, **environment, "PYTHONPATH": path},
            text=True, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=errors, process_group=0,
        )  # fmt: skip
        try:
            yield SideProcess(name, process, errors)
        finally:
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            if not isinstance(sys.exception(), KeyboardInterrupt):  # Whoever interrupts does not wait for its end.
                with suppress(BrokenPipeError):
                    process.__exit__(None, None, None)


@dataclass(frozen=True)
class Launch:
    """Base, head, and head once more.

    Attributes:
        base, head, twin: the processes.
        number: of the launch, from 0.
    """

    base: SideProcess
    head: SideProcess
    twin: SideProcess
    number: int = 0

    def sides(self, case: str) -> tuple[Side, Side, Side]:
        """Return the three sides, which take turns with a prepared case."""
        return self.base.side(case), self.head.side(case), self.twin.side(case)

    def ask_all(self, **order: Any) -> list[dict[str, Any]]:
        """Send an order to all three at once; returns their answers in the order above, or raises the first error."""
        sides = (self.base, self.head, self.twin)
        for side in sides:
            side.send(**order)
        answers: list[dict[str, Any]] = []
        errors: list[CaseError] = []
        for side in sides:  # Each answer is read, whatever the other ones are: the next order has answers too.
            try:
                answers.append(side.answer())
            except CaseError as error:
                errors.append(error)
        if errors:
            raise errors[0]
        return answers


@contextmanager
def launched(base: Path, head: Path, environment: Mapping[str, str], number: int) -> Iterator[Launch]:
    """Start three processes: one from the sources of base, and two from the sources of head.

    All three hash strings alike, since the order in dictionaries moves times by some percent. Launches differ in it.
    """
    environment = {**environment, "PYTHONHASHSEED": str(number)}
    with ExitStack() as stack:
        sides = (("base", base), ("head", head), ("head", head))
        first, second, third = (stack.enter_context(started(name, sources, environment)) for name, sources in sides)
        yield Launch(first, second, third, number)


def implementations_of(name: str, sources: Path, environment: Mapping[str, str]) -> dict[str, str]:
    """Return the target of each implementation of a side by "stage/name".

    Raises:
        MergelabError: the sources cannot be imported.
    """
    with started(name, sources, environment) as side:
        answer = side.ask(do="rows")
    if not Path(answer["place"]).is_relative_to(sources):
        raise MergelabError(f"{name}: its sources are not what Python imports; unset PYTHONSAFEPATH")
    return dict(answer["rows"])
