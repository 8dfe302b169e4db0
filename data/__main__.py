"""`python -m data`: each command is a module of `data/commands/`."""

from __future__ import annotations

from collections.abc import Sequence

from impls import interrupts


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line; returns the exit status."""
    from data.commands import PROGRAM  # Imported here, where a signal during the import is handled.
    from impls.command_line import run

    return run(PROGRAM, arguments)


if __name__ == "__main__":
    interrupts.start(main, "python -m data")
