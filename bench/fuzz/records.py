"""Mutated records: each is refused, or a report can be written from it."""

from __future__ import annotations

import io
import json
import tempfile
from contextlib import redirect_stderr, redirect_stdout
from functools import cache
from pathlib import Path
from random import Random
from typing import Any

from bench.fuzz.kind import Case, Difference, Kind
from bench.fuzz.mutations import mutated, refused_or
from bench.record import KINDS, REFERENCE, paths, read
from impls.registry import load

LONGEST = 3
"""Items that are kept of each list, so that a record is small."""

REPORT = "reports.__main__:main"
"""The command is imported by this name at run time, since no module of `bench` may have an import of `reports`."""


def small(values: Any) -> Any:
    """Return JSON values in which each list keeps at most `LONGEST` items."""
    if isinstance(values, dict):
        return {key: small(value) for key, value in values.items()}
    return [small(value) for value in values[:LONGEST]] if isinstance(values, list) else values


@cache
def bases() -> dict[str, bytes]:
    """Return a small record of each kind, cut from the newest that this version reads: kind -> content."""
    found: dict[str, bytes] = {}
    for kind in KINDS:
        for path in reversed(paths(REFERENCE, kind)):
            content = json.loads(path.read_bytes())
            if kind not in found and content.get("record_version", 1) >= KINDS[kind].oldest:
                found[kind] = json.dumps(small(content)).encode()
    return found


def make(random: Random) -> Case:
    """Return one mutated record."""
    kind = random.choice(sorted(bases()))
    return Case(mutated(random, bases()[kind]), {"kind": kind})


def check(case: Case) -> Difference | None:
    """Read the mutated record; then write a report from it, together with intact records of the other kinds."""
    with tempfile.TemporaryDirectory() as folder:
        machine = Path(folder) / "machine"
        for kind, content in {**bases(), case.parameters["kind"]: case.content}.items():
            path = machine / kind / "0001_a_20260101_000000.json"
            path.parent.mkdir(parents=True)
            path.write_bytes(content)
        mutant = machine / case.parameters["kind"] / path.name
        return refused_or(lambda: _read(mutant, case.parameters["kind"])) or report(machine / "bench" / path.name)


def _read(path: Path, kind: str) -> None:
    read(path, kind)


def report(record: Path) -> Difference | None:
    """Write a report from a record; return a difference unless the exit status is 0 or 1."""
    out, errors = io.StringIO(), io.StringIO()
    with redirect_stdout(out), redirect_stderr(errors):
        status = load(REPORT)(["build", str(record), "--out", str(record.parent / "report")])
    return None if status in (0, 1) else Difference("status 0 or 1", f"status {status}: {errors.getvalue()}")


KIND = Kind("A damaged record is refused, or a report is written from it.", make, check)
