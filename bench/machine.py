"""The machine that a record comes from: times of different machines are never compared."""

from __future__ import annotations

import os
from pathlib import Path

from impls.machine import cpu_name, machine_name

__all__ = ["RECORDS", "cpu_info", "cpu_name", "machine_name"]

RECORDS = Path(__file__).parent / "records"


def cpu_info() -> dict[str, str | int]:
    """Return what explains a time: the CPU, the cores that this process may use, the memory in bytes."""
    memory = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    return {"brand_raw": cpu_name(), "count": len(os.sched_getaffinity(0)), "memory_bytes": memory}
