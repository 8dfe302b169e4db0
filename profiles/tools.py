"""The table of tools: how each runs a target, what it leaves, and how that becomes a digest.

A digest is JSON with, as the tool has them: `functions` (own and cumulative seconds, calls), `sites` (peak bytes by
call site), `memory` (resident bytes over time with children), `counters`, `tensor_bytes` (what the tensors of a
training step hold, predicted and measured), and always the slow-down that the tool causes. A tool that is missing,
crashes or says nothing raises ToolError, one line.
"""

from __future__ import annotations

import importlib.util
import json
import math
import os
import pstats
import subprocess
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from bench.memory import Sampler
from impls import MergelabError
from impls.registry import STAGES
from profiles.inside import operators_file
from profiles.phases import phases
from profiles.stacks import functions_of

ROOT = Path(__file__).parent.parent
INSIDE = Path(__file__).with_name("inside.py")

SECONDS = 0.5
"""Short work is repeated for about so long, so that samplers see it."""

MAX_REPEATS = 30

TOP = 20
"""Functions and call sites that a digest keeps."""

MEMORY_POINTS = 200
"""Points of memory over time that a digest keeps."""

TIMEOUT = 600
"""Seconds after which a tool counts as hung."""


class ToolError(MergelabError):
    """A tool failed; the message is one line."""


@dataclass(frozen=True)
class Tool:
    """One tool.

    Attributes:
        name: as on the command line.
        needs: the package to install; empty if it comes with Python.
        suffix: of the raw file.
        digest: reads the raw file.
        sees: what it can and cannot see, for the report.
        repeats: whether short work is repeated; peaks of memory need it once.
        stages: what it can look into; empty for everything.
        command: what runs `inside.py` in place of the interpreter alone.
        environment: set for the process.
    """

    name: str
    needs: str
    suffix: str
    digest: Callable[[Path], dict[str, Any]]
    sees: str
    repeats: bool = True
    stages: tuple[str, ...] = ()
    command: Callable[[Path], Sequence[str]] = lambda _: (sys.executable,)
    environment: tuple[tuple[str, str], ...] = ()


def short_path(path: str) -> str:
    """Return a path without what is different on every machine."""
    for prefix in (ROOT, Path(os.__file__).parent):
        if path.startswith(f"{prefix}{os.sep}"):
            return path.removeprefix(f"{prefix}{os.sep}").removeprefix(f"site-packages{os.sep}")
    return Path(path).name if os.sep in path else path


def calls_digest(raw: Path) -> dict[str, Any]:
    """Read what cProfile wrote."""
    stats: dict[Any, Any] = pstats.Stats(str(raw)).stats  # type: ignore[attr-defined]
    functions = [
        {"name": name, "file": short_path(file), "line": line, "own": own, "cumulative": total, "calls": calls}
        for (file, line, name), (_, calls, own, total, _) in stats.items()
    ]
    return {"functions": ranked(functions), "own_total": sum(row["own"] for row in functions)}


def ranked(functions: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return the functions with the most time of their own, the most first; ties by name."""
    return sorted(functions, key=lambda row: (-row["own"], row["file"], row["line"], row["name"]))[:TOP]


def counters_digest(raw: Path) -> dict[str, Any]:
    """Count the calls of the kernels' own helpers in a run as plain Python."""
    calls: dict[str, int] = {}
    for (file, _, name), (_, number, *_) in pstats.Stats(str(raw)).stats.items():  # type: ignore[attr-defined]
        path = Path(file)
        if path.parent == ROOT / "impls" / "kernels" and name.isidentifier() and path.stem != "compiler":
            calls[f"{path.stem}.{name}"] = calls.get(f"{path.stem}.{name}", 0) + number
    if not calls:
        raise ToolError("counters: no kernel ran; only compiled implementations have kernels")
    return {"counters": dict(sorted(calls.items())), "phases": phases(calls)}


def stacks_digest(raw: Path) -> dict[str, Any]:
    """Read a speedscope file."""
    content = json.loads(raw.read_text())
    if not content["profiles"][0]["samples"]:
        raise ToolError("speedscope: no sample was taken; the work is too short")
    functions = functions_of(content)
    for row in functions:
        row["file"] = short_path(row["file"])
    return {
        "functions": ranked(functions),
        "own_total": sum(row["own"] for row in functions),
        "samples": len(content["profiles"][0]["samples"]),
    }


def operators_digest(raw: Path) -> dict[str, Any]:
    """Read what PyTorch's profiler summed up; `bytes` are those an operator itself took, less those it gave back."""
    functions = [{**row, "file": "", "line": 0} for row in json.loads(operators_file(raw).read_text())]
    if not functions:
        raise ToolError("torch: no operator ran")
    return {"functions": ranked(functions), "own_total": sum(row["own"] for row in functions)}


def lines_digest(raw: Path) -> dict[str, Any]:
    """Read what scalene wrote; it writes `{}` when it saw nothing."""
    content = json.loads(raw.read_text() or "{}") if raw.exists() else {}
    if not content.get("files"):
        raise ToolError("scalene: it wrote an empty profile; the work is too short or ran where it cannot look")
    elapsed = content["elapsed_time_sec"]
    functions = [
        {
            "name": row["line"],
            "file": short_path(file),
            "line": row["lineno"],
            "own": elapsed * (row["n_cpu_percent_python"] + row["n_cpu_percent_c"] + row["n_sys_percent"]) / 100,
            "cumulative": None,
            "calls": None,
            "python_percent": row["n_cpu_percent_python"],
            "native_percent": row["n_cpu_percent_c"],
            "system_percent": row["n_sys_percent"],
        }
        for file, entry in content["files"].items()
        for row in entry["functions"]
    ]
    sites = [
        {"name": row["line"].strip(), "file": short_path(file), "line": row["lineno"],
         "bytes": round(row["n_peak_mb"] * 2**20), "allocations": row["n_mallocs"]}
        for file, entry in content["files"].items()
        for row in entry["lines"]
        if row["n_peak_mb"] > 0
    ]  # fmt: skip
    return {
        "functions": ranked(functions),
        "own_total": elapsed,
        "sites": by_size(sites),
        "peak_bytes": round(content["max_footprint_mb"] * 2**20),
    }


def by_size(sites: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return the largest call sites, the largest first; ties by name."""
    return sorted(sites, key=lambda row: (-row["bytes"], row["file"], row["line"], row["name"]))[:TOP]


def allocations_digest(raw: Path) -> dict[str, Any]:
    """Read what memray wrote: the call sites that hold the most memory at its peak. Leaves statistics and a page."""
    import memray

    for command in (("stats", "--json"), ("flamegraph", "--no-web")):  # `tree` would wait for a terminal.
        target = raw.with_suffix(".stats.json" if command[0] == "stats" else ".html")
        run_process(
            [sys.executable, "-m", "memray", *command, "--force", "--output", str(target), str(raw)], "memray"
        )
    sizes: dict[tuple[str, str, int], list[int]] = {}
    with memray.FileReader(str(raw)) as reader:
        peak = reader.metadata.peak_memory
        for record in reader.get_high_watermark_allocation_records(merge_threads=True):
            stack = record.stack_trace()
            own = [place for place in stack if place[1].startswith((str(ROOT / "impls"), str(ROOT / "lm")))]
            name, file, line = (own or stack or [("unknown", "", 0)])[0]
            site = sizes.setdefault((name, short_path(file), line), [0, 0])
            site[0] += record.size
            site[1] += record.n_allocations
    sites = [
        {"name": name, "file": file, "line": line, "bytes": size, "allocations": number}
        for (name, file, line), (size, number) in sizes.items()
    ]
    return {"sites": by_size(sites), "peak_bytes": peak}


def memory_digest(raw: Path) -> dict[str, Any]:
    """Read resident sizes over time."""
    samples = json.loads(raw.read_text())
    peak = max(own + below for _, own, below in samples)
    # Of neighbours, the largest: a digest is read, not kept whole.
    step = -(-len(samples) // MEMORY_POINTS)
    groups = (samples[start : start + step] for start in range(0, len(samples), step))
    return {"memory": [max(group, key=lambda row: row[1] + row[2]) for group in groups], "peak_bytes": peak}


def _scalene(raw: Path) -> Sequence[str]:
    raw.unlink(missing_ok=True)
    options = ("--off", "--program-path", str(ROOT), "-o", str(raw))
    return (sys.executable, "-m", "scalene", "run", *options)


TOOLS = {
    tool.name: tool
    for tool in (
        Tool("cprofile", "", ".prof", calls_digest, "every call of Python and C; compiled code is one call"),
        Tool(
            "scalene", "scalene", ".json", lines_digest, "lines, Python apart from native time, memory a line",
            command=_scalene, environment=(("PYTHONPATH", str(Path(__file__).parent / "without_torch")),),
        ),
        Tool("memray", "memray", ".bin", allocations_digest, "every allocation of this process, not of children",
             repeats=False),
        Tool("rss", "", ".json", memory_digest, "resident memory over time, children included", repeats=False),
        Tool("speedscope", "", ".speedscope.json", stacks_digest, "stacks of Python functions over time"),
        Tool(
            "counters", "", ".prof", counters_digest,
            "calls of the kernels' helpers, from a run of the same code as plain Python",
            repeats=False, stages=STAGES, environment=(("NUMBA_DISABLE_JIT", "1"),),
        ),
        Tool(
            "torch", "torch", ".trace.json", operators_digest,
            "operators of PyTorch, time and memory, forward and backward; not the Python between them",
            stages=("gpt2-step", "llama3-step"),
        ),
    )
}  # fmt: skip


def last_line(text: str) -> str:
    """Return the last line that says something."""
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    return lines[-1] if lines else ""


def run_process(command: Sequence[str], name: str, environment: dict[str, str] | None = None) -> str:
    """Run a command and return its standard output.

    Raises:
        ToolError: it failed or hangs.
    """
    try:
        done = subprocess.run(
            command, cwd=ROOT, env=environment, stdin=subprocess.DEVNULL, capture_output=True, text=True,
            check=False, timeout=TIMEOUT, errors="replace",
        )  # fmt: skip
    except subprocess.TimeoutExpired:
        raise ToolError(f"{name}: no end after {TIMEOUT} s") from None
    except OSError as error:
        raise ToolError(f"{name}: {error.strerror}") from None
    if done.returncode:
        raise ToolError(f"{name}: {last_line(done.stderr) or f'ended with status {done.returncode}'}")
    return done.stdout


def report_of(output: str, name: str) -> dict[str, Any]:
    """Return the report that `inside.py` prints, whatever the tool prints behind it.

    Raises:
        ToolError: there is none.
    """
    for line in reversed(output.splitlines()):
        if line.startswith("{"):
            report: dict[str, Any] = json.loads(line)
            return report
    raise ToolError(f"{name}: the profiled program said nothing")


def run_watched(order: dict[str, Any], raw: Path) -> dict[str, Any]:
    """Run a target and sample its memory, and that of its children, from this process."""
    with subprocess.Popen(
        [sys.executable, str(INSIDE), json.dumps(order)], cwd=ROOT, text=True,
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
    ) as process:  # fmt: skip
        assert process.stdout
        assert process.stdin
        if process.stdout.readline() == "ready\n":
            with Sampler(process.pid) as sampler:
                output, errors = process.communicate("go\n")
            samples = [sample for sample in sampler.samples if sample[1]]
            raw.write_text(json.dumps(samples))
        else:
            output, errors = process.communicate()
    if process.returncode:
        raise ToolError(f"rss: {last_line(errors)}")
    return report_of(output, "rss")


def repeats_for(seconds: float) -> int:
    """Return how often to repeat work that takes so long."""
    return min(max(math.ceil(SECONDS / seconds), 1), MAX_REPEATS)


@cache
def plain_run(target: str, repeats: int) -> dict[str, Any]:
    """Run a target without a tool, once in the life of this process; `target` is the order as JSON."""
    order = json.dumps({**json.loads(target), "repeats": repeats})
    return report_of(run_process([sys.executable, str(INSIDE), order], "the target"), "the target")


def run_tool(tool: Tool, order: dict[str, Any], raw: Path) -> dict[str, Any]:
    """Run a target plainly, then under a tool; returns the digest with the slow-down.

    Raises:
        ToolError: the tool is not installed, or it or the target failed.
    """
    if tool.needs and importlib.util.find_spec(tool.needs) is None:
        raise ToolError(f"{tool.name}: not installed; `pip install {tool.needs}`, or run `nox -s profile`")
    target = json.dumps({**order, "tool": "plain", "raw": ""})
    report = plain_run(target, 1)
    repeats = repeats_for(report["seconds"]) if tool.repeats else 1
    report = plain_run(target, repeats)
    under = {**order, "tool": tool.name, "raw": str(raw), "repeats": repeats}
    if tool.name == "rss":
        profiled = run_watched(under, raw)
    else:
        separator = ["---"] if tool.name == "scalene" else []
        command = [*tool.command(raw), str(INSIDE), *separator, json.dumps(under)]
        output = run_process(command, tool.name, {**os.environ, **dict(tool.environment)})
        profiled = report_of(output, tool.name)
    return {
        "repeats": repeats,
        "workers": profiled["workers"],
        "seconds_plain": report["seconds"],
        "seconds": profiled["seconds"],
        "slow_down": profiled["seconds"] / report["seconds"],
        "sees": tool.sees,
        **profiled["facts"],
        **tool.digest(raw),
    }
