"""Runs a measurement: all sides in turn, round after round, outputs compared after each round."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from time import monotonic

from bench.peers.inputs import Inputs
from bench.peers.measurements import Measurement, Outcome, Round, Side
from impls import MergelabError

ROOT = Path(__file__).parent.parent.parent


class SideError(MergelabError):
    """A side failed, or its output is not what it must be."""


@dataclass
class Result:
    """What came out of a measurement: a sample a round and side, or the error that ended it."""

    id: str
    measurement: Measurement | None = None
    samples: dict[str, list[Outcome]] = field(default_factory=dict)
    error: str = ""

    def rounds(self) -> list[Round]:
        """Return the complete rounds: the outcome of each timed side."""
        timed = [side.name for side in self.measurement.sides if not side.witness] if self.measurement else []
        columns = (self.samples.get(name, []) for name in timed)
        return [dict(zip(timed, row, strict=True)) for row in zip(*columns, strict=False)]


def run_side(side: Side) -> Outcome:
    """Carry out a side's task in a new process.

    Raises:
        SideError: it failed; the message has its last line.
    """
    with tempfile.TemporaryDirectory(prefix="mergelab-") as empty:
        environment = {**os.environ, **({"MERGELAB_CACHE": empty} if side.empty_cache else {})}
        order = {
            "task": side.task,
            "arguments": dict(side.arguments),
            "warm": None if side.warm is None else dict(side.warm),
            "repeats": side.repeats,
            "cpus": side.cpus,
        }
        command = [sys.executable, "-m", "bench.peers.tasks"]
        done = subprocess.run(
            [*command, json.dumps({**order, "spawned": monotonic()})],
            cwd=ROOT,
            env=environment,
            capture_output=True,
            text=True,
            check=False,
        )
    if done.returncode:
        lines = done.stderr.strip().splitlines() or [f"ended with status {done.returncode}"]
        raise SideError(f"{side.name}: {lines[-1]}")
    outcome: Outcome = json.loads(done.stdout.splitlines()[-1])
    return outcome


def compare(measurement: Measurement, samples: dict[str, list[Outcome]]) -> None:
    """Check that outputs with the same label are the same, in the newest round.

    Raises:
        SideError: two are not.
    """
    first: dict[str, Side] = {}
    for side in measurement.sides:
        reference = first.setdefault(side.output, side) if side.output else side
        expected, found = samples[reference.name][-1], samples[side.name][-1]
        if found["digest"] != expected["digest"]:
            raise SideError(
                f"{side.output} of {reference.name} and {side.name} differ "
                f"({expected['n']:,} and {found['n']:,}, {expected['digest'][:12]} and {found['digest'][:12]})"
            )


def measure(
    measurement_id: str,
    build: Callable[[Inputs], Measurement],
    inputs: Inputs,
    rounds: int,
    progress: Callable[[str], None],
) -> Result:
    """Prepare a measurement and run its rounds; an error ends it and is part of the result."""
    result = Result(measurement_id)
    try:
        progress(f"{measurement_id}: preparing")
        result.measurement = build(inputs)
        for number in range(rounds):
            for side in result.measurement.sides:
                if side.witness and number:
                    continue
                progress(f"{measurement_id}: round {number + 1} of {rounds}, {side.name}")
                result.samples.setdefault(side.name, []).append(run_side(side))
            compare(result.measurement, result.samples)
    except MergelabError as error:
        result.error = str(error)
    return result
