"""Shows the progress of long work."""

from __future__ import annotations

import sys


def progress(line: str) -> None:
    """Print on standard error what is being done; on a terminal, each message replaces the message before."""
    begin, end = ("\r\033[K", "") if sys.stderr.isatty() else ("", "\n")
    print(f"{begin}{line}", end=end, file=sys.stderr, flush=True)
