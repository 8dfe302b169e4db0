"""Options that the command lines of the bench and of profiles share."""

from __future__ import annotations

from collections.abc import Iterable

from data.workloads import Workload, workloads
from impls import UsageError


def chosen(only: str | None, names: Iterable[str], kind: str) -> list[str]:
    """Return the names that `--only` lists, all of `names` without it. `kind` is the word for one of them.

    Raises:
        UsageError: `names` does not have one of them.
    """
    known = list(names)
    wanted = [name.strip() for name in only.split(",")] if only else known
    for unknown in (name for name in wanted if name not in known):
        raise UsageError(f"--only: no {kind} {unknown!r}; there are {', '.join(known)}")
    return wanted


def named_workload(name: str) -> Workload:
    """Return the workload that `--workload` names.

    Raises:
        UsageError: there is none of that name.
    """
    rows = {row.name: row for row in workloads()}
    if name not in rows:
        raise UsageError(f"--workload: no workload {name!r}; there are {', '.join(rows)}")
    return rows[name]
