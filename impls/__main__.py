"""`python -m impls`: what the commands do stands in `commands`; here, only that any signal finds somebody at home."""

from __future__ import annotations

import sys
from collections.abc import Sequence

from impls.interrupts import interrupted, listen, report


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line; returns the exit status."""
    try:
        from impls.commands import execute  # Here, since a signal may come before all is imported.

        return execute(arguments)
    except KeyboardInterrupt:
        return report()
    except Exception:
        if interrupted():
            return report()
        raise


if __name__ == "__main__":
    listen()
    sys.exit(main())
