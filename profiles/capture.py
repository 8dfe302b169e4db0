"""Makes one profile: runs a target without a tool, then with a tool. It leaves a raw file and a digest."""

from __future__ import annotations

import importlib.util
import json
import math
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import Any

from bench.child import report_in
from impls import MergelabError, UsageError
from profiles import tools
from profiles.targets import TARGETS, Subject, check
from profiles.tools.tool import Tool

CAPTURES = Path(__file__).parent / "captures"

SECONDS = 0.5
"""Short work is repeated for about so many seconds, so that samplers see it."""

MAX_REPEATS = 30


def capture(name: str, subject: Subject, folder: Path) -> dict[str, Any]:
    """Make one profile; returns its digest, which is also written beside the raw file.

    Raises:
        UsageError: there is no such target, or the tool cannot look into it.
        MergelabError: PyTorch is missing, or the tool or the target failed.
    """
    tool, stage = tools.load(name), subject.stage
    check(subject)
    if tool.stages and stage not in tool.stages:
        raise UsageError(f"--tool {name}: cannot look into {stage}; give one of {', '.join(tool.stages)}")
    folder.mkdir(parents=True, exist_ok=True)
    place = {"tool": name, "stage": stage, "impl": subject.impl, "workload": subject.workload}
    stem = "-".join(place.values())
    raw = folder.absolute() / f"{stem}{tool.suffix}"
    code = TARGETS[stage].code_digest(subject.impl)
    digest = {**place, "raw": raw.name, "code_sha256": code, **run_tool(tool, subject, raw)}
    (folder / f"{stem}.digest.json").write_text(json.dumps(digest, indent=1) + "\n")
    return digest


def run_tool(tool: Tool, subject: Subject, raw: Path) -> dict[str, Any]:
    """Run a target without a tool, then with the tool; returns the digest of the tool, with its slow-down.

    Raises:
        MergelabError: the tool is not installed or cannot run here, or the tool or the target failed.
    """
    if reason := tool.absent():
        raise MergelabError(f"{tool.name}: {reason}")
    if tool.needs and importlib.util.find_spec(tool.needs) is None:
        raise MergelabError(f"{tool.name}: not installed; run `pip install {tool.needs}` or `nox -s profile`")
    repeats = tool.repeats or repeats_for(plain_run(subject, 1)["seconds"])
    plain = plain_run(subject, repeats)["seconds"]
    raw.unlink(missing_ok=True)  # If the tool writes no file, an older file must not be read in its place.
    with blamed(tool.name):
        profiled = report(tool, subject, repeats, raw)
        seen = tool.digest(raw)
    return {
        "repeats": repeats,
        "workers": profiled["workers"],
        "seconds_plain": plain,
        "seconds": profiled["seconds"],
        "slow_down": profiled["seconds"] / plain,
        "sees": tool.sees,
        **profiled["facts"],
        **seen,
    }


def report(tool: Tool, subject: Subject, repeats: int, raw: Path) -> dict[str, Any]:
    """Run the profiled process and return its report.

    Raises:
        MergelabError: the process failed, hangs, or prints no report.
    """
    order = {"tool": tool.name, "subject": subject, "raw": str(raw), "repeats": repeats}
    return report_in(tool.start([*tool.command(raw), json.dumps(order)], tool.environment, raw))


@cache
def plain_run(subject: Subject, repeats: int) -> dict[str, Any]:
    """Run a target without a tool and return the report. The report is kept, so each target runs only once.

    Raises:
        MergelabError: the process failed or hangs.
    """
    with blamed("the target"):
        return report(tools.load("plain"), subject, repeats, Path())


def repeats_for(seconds: float) -> int:
    """Return how often to repeat work that takes `seconds` once."""
    return min(max(math.ceil(SECONDS / seconds), 1), MAX_REPEATS)


@contextmanager
def blamed(name: str) -> Iterator[None]:
    """Put `name` in front of the message of an error that is raised inside the block."""
    try:
        yield
    except MergelabError as error:
        raise MergelabError(f"{name}: {error}") from None
