"""What can be profiled: a table from stage to how its work is prepared. Another trainer is another row."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

from bench.cases import Case, Prepared, count, inputs
from data.workloads import Workload, workloads
from impls import UsageError
from impls.registry import STAGES, find, implementations

Work = Callable[[], Any]


@dataclass(frozen=True)
class Target:
    """A stage that tools can look into.

    Attributes:
        impls: names of its implementations.
        prepare: (implementation, workload, workers) to the work itself, called once a repetition, not profiled.
        loads: whether an implementation's first call loads code, which is no part of the profile.
    """

    impls: tuple[str, ...]
    prepare: Callable[[str, Workload, int], Work]
    loads: Callable[[str], bool]


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
    return Target(names, prepare, lambda name: bool(find(stage, name).needs))


TARGETS = {
    "count": _of_registry("count", _count),
    "train": _of_registry("train", _train),
    "encode": _of_registry("encode", _encode),
}


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
    """
    if stage not in TARGETS:
        raise UsageError(f"--stage: no stage {stage!r}; there are {', '.join(TARGETS)}")
    if impl not in TARGETS[stage].impls:
        raise UsageError(
            f"--impl: no implementation {impl!r} of {stage}; there are {', '.join(TARGETS[stage].impls)}"
        )
    if stage in STAGES and (reason := Case(find(stage, impl), workload).reason_to_skip):
        raise UsageError(f"{stage}/{impl} on {workload.name}: {reason}")
