"""What to pick, as data: the fastest by stage and size, and the file from which `impl="auto"` decides.

Only records of this machine and of the present code are used: others tell nothing of what is to come.
"""

from __future__ import annotations

import json
from pathlib import Path
from statistics import median
from typing import Any

import pandas as pd

from bench.proof import code_digests
from impls.cache import cache_root
from impls.machine import machine_name
from impls.storage import atomic_writer
from reports.load import Evidence, ReportError, machine_of

COMMAND = "nox -s bench"

NAME = "measurements.json"


def fastest_by_size(table: pd.DataFrame) -> dict[str, list[dict[str, Any]]]:
    """Return, by stage, a row a size: impl, seconds, next, ratio, low, high (against the next), confidence."""
    found: dict[str, list[dict[str, Any]]] = {}
    for (stage, n_bytes), points in table.groupby(["stage", "x"], sort=False):
        ranked = points.sort_values("median").to_dict("records")
        best, after = ranked[0], ranked[1] if len(ranked) > 1 else None
        row: dict[str, Any] = {"bytes": n_bytes, "impl": best["impl"], "seconds": best["median"], "next": ""}
        row |= {"ratio": 1.0, "low": 1.0, "high": 1.0, "confidence": "alone: no other was measured"}
        if after:
            low, high = after["q1"] / best["q3"], after["q3"] / best["q1"]
            row |= {"next": after["impl"], "ratio": after["median"] / best["median"], "low": low, "high": high}
            row["confidence"] = "clear" if low > 1 else "open"
        found.setdefault(str(stage), []).append(row)
    return found


def start_seconds(table: pd.DataFrame) -> dict[str, float]:
    """Return what the first call of compiled code costs over later ones: code kept, and code to be compiled."""
    rows = {row["x"]: row for row in table[table["series"] == "compiled"].to_dict("records")}

    def extra(state: str) -> float:
        pairs = zip(rows[state]["first_call_seconds"], rows[state]["second_call_seconds"], strict=True)
        return float(median(first - second for first, second in pairs))

    return {"cached_seconds": extra("full cache"), "compile_seconds": extra("empty cache")}


def measurements(evidence: Evidence, machine: str | None = None) -> dict[str, Any]:
    """Return the times of all implementations by size, and of the start.

    Raises:
        ReportError: the record is missing, comes from another machine, or was made with other code.
    """
    machine = machine or machine_name()
    size, start = evidence.study("size"), evidence.study("start")
    if size is None or start is None:
        why = evidence.why_missing.get("sweeps", "the newest record has no studies of size and start")
        raise ReportError(f"no measurements to pick from: {why}; run `{COMMAND}`")
    name = evidence.names["sweeps"]
    of_machine = machine_of(evidence.others["sweeps"]["machine_info"])
    if of_machine != machine:
        raise ReportError(f"{name}: comes from {of_machine}, this is {machine}; run `{COMMAND}` here")
    now = code_digests()
    stages: dict[str, dict[str, list[list[float]]]] = {}
    for row in size.to_dict("records"):
        if row["code_sha256"] == now.get(row["series"]):
            points = stages.setdefault(row["stage"], {}).setdefault(row["impl"], [])
            points.append([float(row["x"]), float(row["median"])])
    if set(stages) != {series.split("/")[0] for series in now}:
        raise ReportError(f"{name}: stale, the code has changed since; run `{COMMAND}` again")
    return {
        "machine": machine,
        "source": name,
        "command": COMMAND,
        "datetime": evidence.others["sweeps"]["datetime"],
        "stages": stages,
        "start": start_seconds(start),
    }


def write_measurements(evidence: Evidence, path: Path | None = None) -> Path:
    """Write the file that `impls.fastest` reads; returns its path.

    Raises:
        ReportError: there is nothing to write.
        OSError, FileFormatError: the file cannot be written.
    """
    try:
        content = measurements(evidence)
    except ReportError:
        raise
    except (LookupError, TypeError, ValueError) as error:
        why = f"lacks what there is to pick from ({error!r})"
        raise ReportError(f"{evidence.names['sweeps']}: {why}; run `{COMMAND}` again") from None
    path = path or cache_root() / NAME
    path.parent.mkdir(parents=True, exist_ok=True)
    with atomic_writer(path) as file:
        file.write((json.dumps(content, indent=1) + "\n").encode())
    return path
