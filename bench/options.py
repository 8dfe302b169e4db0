"""Options that the commands of `bench` and of `profiles` share."""

from __future__ import annotations

import argparse
import re
from collections.abc import Iterable

from data.workloads import Workload, workloads
from impls import UsageError


def chosen(only: str | None, names: Iterable[str], kind: str, option: str = "--only") -> list[str]:
    """Return the names that an option lists, or all of `names` without the option. `kind` is the noun for errors.

    Raises:
        UsageError: a name that `--only` lists is not in `names`.
    """
    known = list(names)
    wanted = [name.strip() for name in only.split(",")] if only else known
    for unknown in (name for name in wanted if name not in known):
        raise UsageError(f"{option}: there is no {kind} {unknown!r}; choose some of {', '.join(known)}")
    return wanted


def named_workload(name: str) -> Workload:
    """Return the workload that `--workload` names.

    Raises:
        UsageError: there is none of that name.
    """
    rows = {row.name: row for row in workloads()}
    if name not in rows:
        raise UsageError(f"--workload: there is no workload {name!r}; choose one of {', '.join(rows)}")
    return rows[name]


def percentage(text: str) -> float:
    """Read a percentage, such as 10 or 2.5%; for `argparse`."""
    if not re.fullmatch(r"[0-9]+(\.[0-9]+)?%?", text):
        raise argparse.ArgumentTypeError(f"{text!r} is not a percentage; write 10 or 2.5%")
    return float(text.removesuffix("%"))
