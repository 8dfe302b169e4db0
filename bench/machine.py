"""The machine that a record comes from: times of different machines are never compared."""

from __future__ import annotations

import os
import platform
import re
from pathlib import Path

RECORDS = Path(__file__).parent / "records"


def cpu_name() -> str:
    """Return the model of the CPU."""
    try:
        found = re.search(r"^model name\s*:\s*(.+)$", Path("/proc/cpuinfo").read_text(), re.MULTILINE)
    except OSError:
        found = None
    return found.group(1) if found else platform.processor() or platform.machine()


def machine_name() -> str:
    """Return a folder name that tells machines apart whose times must not be compared."""
    words = re.findall(r"[A-Za-z0-9]+", cpu_name())
    return "-".join([*words, f"{len(os.sched_getaffinity(0))}cores"])


def cpu_info() -> dict[str, str | int]:
    """Return what explains a time: the CPU, the cores that this process may use, the memory in bytes."""
    memory = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    return {"brand_raw": cpu_name(), "count": len(os.sched_getaffinity(0)), "memory_bytes": memory}
