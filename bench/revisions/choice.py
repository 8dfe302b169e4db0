"""Which cases are compared: what was asked for, or what changed and the fastest of each stage."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from bench.cases import Case
from bench.code import code_digest, name_of
from bench.options import chosen
from bench.revisions.measure import Trial
from data.workloads import Workload, workloads
from impls.registry import STAGES, Impl, implementations

SMALL = 100_000
"""Bytes of the workloads that are compared where none is named."""


def chosen_workloads(names: str | None) -> list[Workload]:
    """Return the workloads that an option lists; the small ones without it.

    Raises:
        UsageError: there is no such workload.
    """
    table = {workload.name: workload for workload in workloads()}
    if names is None:
        return [workload for workload in table.values() if workload.bytes <= SMALL]
    return [table[name] for name in chosen(names, table, "workload", "--workload")]


def has_changed(impl: Impl, base_rows: Mapping[str, str], base: Path, head: Path) -> bool:
    """Tell whether the code of an implementation differs between the sources of base and head."""
    base_impl = replace(impl, target=base_rows[name_of(impl)])
    return code_digest(base_impl, base) != code_digest(impl, head)


def trials(
    only: str | None, sizes: list[Workload], base_rows: Mapping[str, str], base: Path, head: Path
) -> tuple[list[Trial], list[str]]:
    """Return the cases to be compared, and a line for each one that cannot be.

    Args:
        only: names "stage/implementation" with commas between; with None, all implementations that changed are
            compared, and the fastest implementation of each stage.
        sizes: the workloads.
        base_rows: the target of each implementation of base by "stage/name".
        base: the folder of the sources of base.
        head: the folder of the sources of head.

    Raises:
        UsageError: head has no such implementation.
    """
    table = {name_of(impl): impl for stage in STAGES for impl in implementations(stage)}
    fastest = [name_of(implementations(stage)[-1]) for stage in STAGES]
    names = chosen(only, table, "implementation")
    known = {name: has_changed(table[name], base_rows, base, head) for name in names if name in base_rows}
    lines = [f"{name}: base has no such implementation" for name in names if name not in base_rows]
    if only is None:
        lines += [f"{name}: base alone has it" for name in base_rows if name not in table]
        known = {name: changed for name, changed in known.items() if changed or name in fastest}
    cases = [(Case(table[name], workload), changed) for name, changed in known.items() for workload in sizes]
    lines += [f"{case}: {case.reason_to_skip}" for case, _ in cases if case.reason_to_skip]
    return [Trial(case, changed) for case, changed in cases if not case.reason_to_skip], lines
