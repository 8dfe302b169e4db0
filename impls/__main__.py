"""`mergelab`, `python -m mergelab`, `python -m impls`: each command is a module of `impls/commands/`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from typing import NoReturn

from impls import interrupts


def main(arguments: Sequence[str] | None = None, name: str = "python -m impls") -> int:
    """Run the command line of the program that the user started as `name`; returns the exit status."""
    from impls.command_line import run  # Imported here, where a signal during the import is handled.
    from impls.commands import PROGRAM

    return run(replace(PROGRAM, started_as=name), arguments)


def start(name: str = "mergelab") -> NoReturn:
    """Run the command line of the process, and end the process; `mergelab` is the name of the installed command."""
    interrupts.start(partial(main, name=name), name)


if __name__ == "__main__":
    start("python -m impls")
