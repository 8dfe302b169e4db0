"""The table of the stages that can be profiled. A row holds everything that a tool needs to know about a stage.

These are the stages of the registry, and a training step for each kind of language model. The training step has two
implementations, the two sets of operations in `lm/ops/`.
"""

from __future__ import annotations

import importlib.util
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

from bench import code
from bench.inputs import inputs_of
from bench.options import named_workload
from bench.works import work_of
from data.workloads import Workload
from impls import MergelabError, UsageError
from impls.registry import STAGES, Impl, find, implementations

SMALL, LARGE = "stories-100KB", "stories-5MB"
"""The workloads of the suite."""

TRAINER = "lm.train"
"""The module whose sources a training step runs."""

Work = Callable[[], Any]


class Subject(NamedTuple):
    """The work that one profile looks at.

    Attributes:
        stage: a name of `TARGETS`.
        impl: one of its implementations.
        workload: a name of `workloads.toml`.
        n_bytes: bytes of the workload's text to use, from its beginning; None for all.
    """

    stage: str
    impl: str
    workload: str
    n_bytes: int | None = None

    def row(self) -> Workload:
        """Return the workload.

        Raises:
            UsageError: no such workload.
        """
        row = named_workload(self.workload)
        return replace(row, bytes=self.n_bytes, expected={}) if self.n_bytes else row


@dataclass(frozen=True)
class Stage:
    """A stage of the registry.

    Attributes:
        name: the name of the stage in the registry.
    """

    name: str

    @property
    def impls(self) -> tuple[str, ...]:
        """Names of its implementations, simplest first."""
        return tuple(row.name for row in implementations(self.name))

    def prepare(self, impl: str, workload: Workload) -> Work:
        """Return the call to profile, which runs once; the preparation here is not profiled."""
        return work_of(find(self.name, impl), inputs_of(workload), self.workers(impl)).prepared()

    def workers(self, impl: str) -> int:
        """Return 1, since samplers see a single thread best; return 2 for a pool of processes, the least it needs."""
        return 2 if uses_processes(find(self.name, impl)) else 1

    def loads_code(self, impl: str) -> bool:
        """Return whether the first call of an implementation loads code; such a call is not profiled."""
        return find(self.name, impl).compiled

    def code_digest(self, impl: str) -> str:
        """Hash the sources that an implementation runs: sha256 as hex."""
        return code.code_digest(find(self.name, impl))

    def check(self, impl: str, workload: Workload) -> None:
        """Check that an implementation can finish a workload.

        Raises:
            UsageError: the implementation cannot finish; the message has the reason.
        """
        if reason := reason_to_skip(find(self.name, impl), workload):
            raise UsageError(f"{self.name}/{impl} on {workload.name}: {reason}; choose another implementation")


@dataclass(frozen=True)
class Step:
    """Training steps of a language model; they need PyTorch.

    Attributes:
        name: the name of the stage on the command line.
        model: a name of lm/configs/models.
    """

    name: str
    model: str
    impls: tuple[str, ...] = ("reference", "fused")

    def prepare(self, impl: str, workload: Workload) -> Work:
        """Return a call that takes a few steps; the preparation here is not profiled."""
        from profiles import step

        return step.prepare(self.model, impl, workload, self.workers(impl))

    def workers(self, impl: str) -> int:
        """Return 1, since samplers see a single thread best."""
        del impl
        return 1

    def loads_code(self, impl: str) -> bool:
        """Return true: the first steps load code, so they are not profiled."""
        del impl
        return True

    def code_digest(self, impl: str) -> str:
        """Hash the sources that a step runs: sha256 as hex."""
        del impl
        return code.module_digest(TRAINER)

    def check(self, impl: str, workload: Workload) -> None:
        """Check that PyTorch is installed.

        Raises:
            MergelabError: PyTorch is not installed.
        """
        del impl, workload
        if importlib.util.find_spec("torch") is None:
            raise MergelabError(f"{self.name}: needs PyTorch; run pip install '.[lm]'")

    def tensor_bytes(self, impl: str, workload: Workload) -> dict[str, Any]:
        """Return the bytes of the tensors of a step, predicted and measured."""
        from profiles import step

        return step.tensor_bytes(self.model, impl, workload)


def uses_processes(row: Impl) -> bool:
    """Return whether an implementation starts processes; pure Python needs processes to use several cores."""
    return row.parallel and not row.compiled


def reason_to_skip(row: Impl, workload: Workload) -> str | None:
    """Return why an implementation is not measured on a workload; None if it is measured."""
    from bench.cases import Case  # Imported here: the profiled process does not need it.

    return Case(row, workload).reason_to_skip


STEPS = {row.name: row for row in (Step("gpt2-step", "gpt2-2k-4l"), Step("llama3-step", "llama3-2k-4l"))}

TARGETS: dict[str, Stage | Step] = {
    **{stage: Stage(stage) for stage in STAGES},
    **STEPS,
}


def in_one_process(workload: str) -> list[Subject]:
    """Return the implementations of the registry that finish a workload and run in one process.

    A tool that looks into one process sees all the work of these implementations.
    """
    rows = [row for stage in STAGES for row in implementations(stage) if not uses_processes(row)]
    subjects = [(row, Subject(row.stage, row.name, workload)) for row in rows]
    return [subject for row, subject in subjects if not reason_to_skip(row, subject.row())]


def check(subject: Subject) -> None:
    """Check that the stage, implementation and workload of a subject exist, and that the work can be finished.

    Raises:
        UsageError: one of them does not exist, or the work cannot be finished; the message has the reason.
        MergelabError: PyTorch is missing.
    """
    target, workload = TARGETS[subject.stage], subject.row()
    if subject.impl not in target.impls:
        known = ", ".join(target.impls)
        raise UsageError(f"--impl: no implementation {subject.impl!r} of {subject.stage}; choose one of {known}")
    target.check(subject.impl, workload)
