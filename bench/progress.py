"""Shows the progress of long work."""

from __future__ import annotations

import faulthandler
import sys


def progress(line: str) -> None:
    """Print a line about the present work to standard error; on a terminal, each line replaces the line before."""
    begin, end = ("\r\033[K", "") if sys.stderr.isatty() else ("", "\n")
    print(f"{begin}{line}", end=end, file=sys.stderr, flush=True)


def show_crashes() -> None:
    """Let a crash of compiled code print the place of the crash."""
    if sys.__stderr__ and not faulthandler.is_enabled():
        faulthandler.enable(sys.__stderr__)
