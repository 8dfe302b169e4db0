"""A process of its own for what is measured: it takes an order as JSON and prints what came of it as JSON.

Nothing is imported here that the work does not need: its imports are measured too.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any


def answer(carry_out: Callable[[dict[str, Any]], dict[str, Any]]) -> int:
    """Carry out the order in the first argument and print the outcome as the last line; returns the exit status."""
    from impls.errors import MergelabError

    try:
        print("\n" + json.dumps(carry_out(json.loads(sys.argv[1]))))
    except MergelabError as error:
        print(error, file=sys.stderr)
        return error.exit_status
    return 0


def peak_rss() -> int:
    """Return the largest resident size of this process so far in bytes, mapped files included.

    Not that of `getrusage`, which begins with the size of the process that started this one.
    """
    lines = Path("/proc/self/status").read_text().splitlines()
    kilobytes = next(line.split()[1] for line in lines if line.startswith("VmHWM"))
    return 1024 * int(kilobytes)
