"""The file from which `impl="auto"` decides: the times of all implementations by size, and the times to start.

Only records of this machine and of the present code are used, since other records do not predict times on this
machine.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pandas as pd

from bench.code import code_digests
from bench.record import KINDS, machine_of
from impls.cache import measurements_path
from impls.machine import machine_name
from impls.registry import STAGES
from impls.storage import atomic_writer
from reports.errors import Missing, ReportError
from reports.evidence import Evidence
from reports.records import start_seconds

COMMAND = KINDS["bench"].command


def measurements(evidence: Evidence) -> dict[str, Any]:
    """Return the content of the file, as a dict.

    Raises:
        ReportError: the record is missing, comes from another machine, or was made with another version of the code.
    """
    try:
        size, start = evidence.points("size"), evidence.points("start")
    except Missing as why:
        raise ReportError(f"no measurements to pick from: {why}") from None
    name, content = evidence.names["studies"], evidence.content("studies")
    here, there = machine_name(), machine_of(content["machine_info"])
    if there != here:
        raise ReportError(f"{name}: comes from {there}, but this machine is {here}; run `{COMMAND}` here")
    stages = present(size)
    if set(stages) != set(STAGES):
        raise ReportError(f"{name}: is stale, since the code has changed; run `{COMMAND}` again")
    return {
        "machine": here,
        "source": name,
        "command": COMMAND,
        "datetime": content["datetime"],
        "stages": stages,
        "start": start_seconds(start),
    }


def present(points: pd.DataFrame) -> dict[str, dict[str, list[list[float]]]]:
    """Return a dict: stage -> implementation -> list of [size in bytes, median seconds].

    Implementations of changed code are left out.
    """
    now = code_digests()
    stages: dict[str, dict[str, list[list[float]]]] = {}
    for row in points.to_dict("records"):
        if row["code_sha256"] == now.get(row["series"]):
            pairs = stages.setdefault(row["stage"], {}).setdefault(row["impl"], [])
            pairs.append([float(row["x"]), float(row["median"])])
    return stages


def write_measurements(evidence: Evidence, path: Path | None = None) -> Path:
    """Write the file that `impls.fastest` reads; returns its path.

    Raises:
        ReportError: the records have no times to write.
        OSError, FileFormatError: the file cannot be written.
    """
    try:
        content = measurements(evidence)
    except ReportError:
        raise
    except (LookupError, TypeError, ValueError) as error:
        why = f"has no times to pick from ({error!r})"
        raise ReportError(f"{evidence.names['studies']}: {why}; run `{COMMAND}` again") from None
    path = path or measurements_path()
    path.parent.mkdir(parents=True, exist_ok=True)
    with atomic_writer(path) as file:
        file.write((json.dumps(content, indent=1) + "\n").encode())
    return path
