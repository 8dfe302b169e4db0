"""The tool Scalene, which samples lines of code: time in Python, time in native code, and memory."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from bench.calls import short_path
from bench.child import ROOT
from impls import MergelabError
from profiles.targets import LARGE, SMALL, Subject
from profiles.tools.rows import Row, by_size, ranked
from profiles.tools.tool import PROFILED, Tool

SUITE = (
    Subject("count", "finditer", LARGE),
    Subject("train", "naive", SMALL),
    Subject("train", "incremental", LARGE),
    Subject("encode", "cached", LARGE),
    Subject("gpt2-step", "fused", SMALL),
)

WITHOUT_TORCH = Path(__file__).parents[1] / "without_torch"


def command(raw: Path) -> Sequence[str]:
    """Return the command that runs the profiled process under Scalene. The sampling starts later, in `sampled`."""
    options = ("--off", "--program-path", str(ROOT), "-o", str(raw))
    return (sys.executable, "-m", "scalene", "run", *options, "-m", PROFILED, "---")


def show_torch() -> None:
    """Let the target import PyTorch, which `without_torch` hides from Scalene while Scalene starts."""
    if sys.modules.get("torch", sys) is None:
        del sys.modules["torch"]


@contextmanager
def sampled(raw: Path) -> Iterator[None]:
    """Let Scalene sample the block; it writes its file when this process ends."""
    del raw
    from scalene import scalene_profiler

    scalene_profiler.start()
    try:
        yield
    finally:
        scalene_profiler.stop()


def digest(raw: Path) -> dict[str, Any]:
    """Return the functions with the most time and the lines with the most memory.

    Raises:
        MergelabError: Scalene saw nothing, and wrote no file, or a file with only `{}`.
    """
    content = json.loads(raw.read_text() or "{}") if raw.exists() else {}
    if not content.get("files"):
        raise MergelabError(
            "the profile is empty, since the work is too short or hidden from scalene; take a larger workload"
        )
    files, elapsed = content["files"], content["elapsed_time_sec"]
    functions = [_function(file, row, elapsed) for file, entry in files.items() for row in entry["functions"]]
    lines = [(file, row) for file, entry in files.items() for row in entry["lines"]]
    return {
        "functions": ranked(functions),
        "own_total": elapsed,
        "sites": by_size([_site(file, row) for file, row in lines if row["n_peak_mb"] > 0]),
        "peak_bytes": round(content["max_footprint_mb"] * 2**20),
    }


def _function(file: str, row: Row, elapsed: float) -> Row:
    python, native, system = row["n_cpu_percent_python"], row["n_cpu_percent_c"], row["n_sys_percent"]
    return {
        "name": row["line"],
        "file": short_path(file),
        "line": row["lineno"],
        "own": elapsed * (python + native + system) / 100,
        "cumulative": None,
        "calls": None,
        "python_percent": python,
        "native_percent": native,
        "system_percent": system,
    }


def _site(file: str, row: Row) -> Row:
    return {
        "name": row["line"].strip(),
        "file": short_path(file),
        "line": row["lineno"],
        "bytes": round(row["n_peak_mb"] * 2**20),
        "allocations": row["n_mallocs"],
    }


TOOL = Tool(
    "scalene",
    sees="lines: Python and native time apart, memory per line",
    needs="scalene",
    suffix=".json",
    suite=lambda: SUITE,
    command=command,
    environment={"PYTHONPATH": str(WITHOUT_TORCH)},
    arrive=show_torch,
    context=sampled,
    digest=digest,
)
