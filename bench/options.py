"""Options that several command lines have, those of the bench and of profiles."""

from __future__ import annotations

from collections.abc import Iterable

from impls import UsageError


def chosen(only: str | None, names: Iterable[str], kind: str) -> list[str]:
    """Return what `--only` names, of `names`; all of them without it. `kind` is what one of them is called.

    Raises:
        UsageError: there is no such name.
    """
    known = list(names)
    wanted = [name.strip() for name in only.split(",")] if only else known
    for unknown in (name for name in wanted if name not in known):
        raise UsageError(f"--only: no {kind} {unknown!r}; there are {', '.join(known)}")
    return wanted
