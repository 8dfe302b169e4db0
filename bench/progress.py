"""What long work says while it runs."""

from __future__ import annotations

import sys


def progress(line: str) -> None:
    """Say on standard error what is being done: over one line on a terminal, line by line elsewhere."""
    print(
        f"\r\033[K{line}" if sys.stderr.isatty() else line, end="" if sys.stderr.isatty() else "\n", file=sys.stderr
    )
    sys.stderr.flush()
