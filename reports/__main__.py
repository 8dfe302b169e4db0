"""`python -m reports`: each command is a module of `reports/commands/`."""

from __future__ import annotations

from collections.abc import Sequence

from impls import interrupts


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line; returns the exit status."""
    from impls.command_line import run  # Imported here, where a signal during the import is handled.
    from reports.commands import PROGRAM

    return run(PROGRAM, arguments)


if __name__ == "__main__":
    interrupts.start(main, "python -m reports")
