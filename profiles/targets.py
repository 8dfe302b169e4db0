"""What can be profiled: a table from stage to how its work is prepared. Another trainer is another row.

The stages of the registry, and a training step of each shipped kind of language model, whose implementations are the
two sets of operations.
"""

from __future__ import annotations

import importlib.util
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

from bench import proof
from bench.cases import Case, Prepared, count, inputs
from data.workloads import Workload, workloads
from impls import MergelabError, UsageError
from impls.registry import STAGES, find, implementations

Work = Callable[[], Any]


@dataclass(frozen=True)
class Target:
    """A stage that tools can look into.

    Attributes:
        impls: names of its implementations.
        prepare: (implementation, workload, workers) to the work itself, called once a repetition, not profiled.
        loads: whether an implementation's first call loads code, which is no part of the profile.
        tensor_bytes: (implementation, workload) to what its tensors hold, predicted and measured; only for what
            PyTorch computes, which is what needs the extra `lm`.
    """

    impls: tuple[str, ...]
    prepare: Callable[[str, Workload, int], Work]
    loads: Callable[[str], bool]
    tensor_bytes: Callable[[str, Workload], dict[str, Any]] | None = None


def _count(impl: str, workload: Workload, workers: int) -> Work:
    return partial(count, find("count", impl), inputs(workload).corpus, workers)


def _train(impl: str, workload: Workload, workers: int) -> Work:
    del workers
    prepared: Prepared = inputs(workload)
    return partial(find("train", impl).load(), prepared.pretokens, n_merges=prepared.n_merges)


def _encode(impl: str, workload: Workload, workers: int) -> Work:
    prepared = inputs(workload)
    return partial(prepared.tokenizer(impl).encode_to_array, prepared.content, workers=workers)


def _of_registry(stage: str, prepare: Callable[[str, Workload, int], Work]) -> Target:
    names = tuple(row.name for row in implementations(stage))
    return Target(names, prepare, lambda name: find(stage, name).compiled)


def _step(model: str, impl: str, workload: Workload, workers: int) -> Work:
    from profiles import step

    return step.prepare(model, impl, workload, workers)


def _tensor_bytes(model: str, impl: str, workload: Workload) -> dict[str, Any]:
    from profiles import step

    return step.tensor_bytes(model, impl, workload)


def _of_trainer(model: str) -> Target:
    return Target(("reference", "fused"), partial(_step, model), lambda _: True, partial(_tensor_bytes, model))


TARGETS = {
    "count": _of_registry("count", _count),
    "train": _of_registry("train", _train),
    "encode": _of_registry("encode", _encode),
    "gpt2-step": _of_trainer("gpt2-2k-4l"),
    "llama3-step": _of_trainer("llama3-2k-4l"),
}

TRAINER = "lm.train"
"""The module whose sources a training step runs."""


def code_digest(stage: str, impl: str) -> str:
    """Hash the sources that a target runs: sha256 as hex."""
    return proof.code_digest(find(stage, impl)) if stage in STAGES else proof.module_digest(TRAINER)


def find_workload(name: str, n_bytes: int | None = None) -> Workload:
    """Return a row of `workloads.toml`, or its first `n_bytes`.

    Raises:
        UsageError: no such workload.
    """
    rows = {row.name: row for row in workloads()}
    if name not in rows:
        raise UsageError(f"--workload: no workload {name!r}; there are {', '.join(rows)}")
    return replace(rows[name], bytes=n_bytes, expected={}) if n_bytes else rows[name]


def check(stage: str, impl: str, workload: Workload) -> None:
    """Check that a combination exists and can be finished.

    Raises:
        UsageError: it does not, or cannot; the message says why.
        MergelabError: PyTorch is missing.
    """
    if stage not in TARGETS:
        raise UsageError(f"--stage: no stage {stage!r}; there are {', '.join(TARGETS)}")
    if impl not in TARGETS[stage].impls:
        raise UsageError(
            f"--impl: no implementation {impl!r} of {stage}; there are {', '.join(TARGETS[stage].impls)}"
        )
    if stage in STAGES and (reason := Case(find(stage, impl), workload).reason_to_skip):
        raise UsageError(f"{stage}/{impl} on {workload.name}: {reason}")
    if TARGETS[stage].tensor_bytes and importlib.util.find_spec("torch") is None:
        raise MergelabError(f"{stage}: needs PyTorch: pip install '.[lm]'")
