"""The machine of this process. Compiled code and times are kept per machine, since they are no use on another."""

from __future__ import annotations

import platform
import re
from functools import cache

from impls import system


@cache
def _cpu() -> dict[str, str]:
    """Return the facts about the first CPU that Linux lists, as a dict: name -> value; empty if it lists none."""
    lines = system.cpu_lines().split("\n\n")[0]
    return {key.strip(): value.strip() for key, _, value in (line.partition(":") for line in lines.splitlines())}


def cpu_name() -> str:
    """Return the name of the CPU's model with its numbers, since two models on virtual machines may share a name."""
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
