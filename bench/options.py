"""Options that the commands of `bench` and of `profiles` share."""

from __future__ import annotations

from collections.abc import Iterable

from impls import UsageError


def chosen(only: str | None, names: Iterable[str], kind: str) -> list[str]:
    """Return the names that `--only` lists, or all of `names` without the option. `kind` is the noun for errors.

    Raises:
        UsageError: a name that `--only` lists is not in `names`.
    """
    known = list(names)
    wanted = [name.strip() for name in only.split(",")] if only else known
    for unknown in (name for name in wanted if name not in known):
        raise UsageError(f"--only: there is no {kind} {unknown!r}; choose some of {', '.join(known)}")
    return wanted
