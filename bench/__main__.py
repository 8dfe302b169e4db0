"""`python -m bench`: each command is a module of `bench/commands/`."""

from __future__ import annotations

from collections.abc import Sequence

from impls import interrupts


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line of `python -m bench`; returns the exit status."""
    from bench.commands import PROGRAM  # Imported here, where a signal during the import is handled.
    from impls.command_line import run

    return run(PROGRAM, arguments)


if __name__ == "__main__":
    interrupts.start(main, "python -m bench")
