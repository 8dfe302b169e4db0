"""The machine that this process runs on: compiled code and times of another machine are of no use here."""

from __future__ import annotations

import platform
import re
from functools import cache

from impls import system


@cache
def _cpu() -> dict[str, str]:
    """Return what Linux tells about the first CPU, as a dict: name -> value; empty if it tells nothing."""
    lines = system.cpu_lines().split("\n\n")[0]
    return {key.strip(): value.strip() for key, _, value in (line.partition(":") for line in lines.splitlines())}


def cpu_name() -> str:
    """Return the model of the CPU with its numbers: on virtual machines, two models often have the same name."""
    known = _cpu()
    numbers = [f"{key.split()[-1]} {known[key]}" for key in ("cpu family", "model") if known.get(key)]
    return ", ".join([known.get("model name") or platform.processor() or platform.machine(), *numbers])


def cpu_features() -> str:
    """Return the architecture, the model and, if known, the instruction sets of the CPU."""
    known = _cpu()
    return " ".join([platform.machine(), cpu_name(), known.get("flags") or known.get("Features", "")])


def machine_name() -> str:
    """Return a folder name for this machine; times of machines with different names must not be compared."""
    return folder_name(cpu_name(), system.cores())


def folder_name(cpu: str, cores: int) -> str:
    """Return the folder name for a machine with this CPU and this number of cores."""
    return "-".join([*re.findall(r"[A-Za-z0-9]+", cpu), f"{cores}cores"])
