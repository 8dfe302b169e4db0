"""`python -m lm`: each command is a module of `lm/commands/`."""

from __future__ import annotations

from collections.abc import Sequence

from impls import interrupts


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line; returns the exit status."""
    from impls.command_line import run, tell  # Imported here, where a signal during the import is handled.
    from lm.commands import PROGRAM

    try:
        return run(PROGRAM, arguments)
    except ModuleNotFoundError as error:
        if error.name is None or error.name.startswith(("impls.", "data.", "lm.")):
            raise
        tell(PROGRAM.name, "error", f"{error.name} is not installed, but lm needs it; run pip install '.[lm]'")
        return 1


if __name__ == "__main__":
    interrupts.start(main, "python -m lm")
