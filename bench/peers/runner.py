"""Runs a measurement: in each round, all sides run in turn; then their outputs are compared."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from bench import child
from bench.peers.inputs import PeerInputs
from bench.peers.measurement import Measurement, Outcome, Round, Side
from impls import MergelabError


class SideError(MergelabError):
    """A side failed, or its output differs from the output of another side."""


@dataclass
class Result:
    """The result of a measurement: a sample per round and side; if an error ended it, also the error."""

    id: str
    measurement: Measurement | None = None
    samples: dict[str, list[Outcome]] = field(default_factory=dict)
    error: str = ""

    def rounds(self) -> list[Round]:
        """Return the complete rounds; a round holds the outcome of each timed side."""
        timed = [side.name for side in self.measurement.sides if not side.witness] if self.measurement else []
        columns = (self.samples.get(name, []) for name in timed)
        return [dict(zip(timed, row, strict=True)) for row in zip(*columns, strict=False)]


def run_side(side: Side) -> Outcome:
    """Carry out a side's task in a new process.

    Raises:
        SideError: the task failed; the message names the side.
    """
    job = {
        "task": side.task,
        "arguments": dict(side.arguments),
        "warm": None if side.warm is None else dict(side.warm),
        "repeats": side.repeats,
        "cpus": side.cpus,
    }
    try:
        return child.order("bench.peers.tasks", job, empty_cache=side.empty_cache)
    except MergelabError as error:
        raise SideError(f"{side.name}: {error}") from None


def compare(measurement: Measurement, samples: dict[str, list[Outcome]]) -> None:
    """Check that outputs with the same label are equal, in the newest round.

    Raises:
        SideError: two outputs differ.
    """
    first: dict[str, Side] = {}
    for side in measurement.sides:
        reference = first.setdefault(side.output, side) if side.output else side
        expected, found = samples[reference.name][-1], samples[side.name][-1]
        if found["digest"] != expected["digest"]:
            raise SideError(
                f"{side.output}: {side.name} gives {found['n']:,} items with the digest {found['digest'][:12]}, but "
                f"{reference.name} gives {expected['n']:,} items with the digest {expected['digest'][:12]}; "
                "repair the wrong side"
            )


def measure(
    measurement_id: str,
    build: Callable[[PeerInputs], Measurement],
    inputs: PeerInputs,
    rounds: int,
    progress: Callable[[str], None],
) -> Result:
    """Prepare a measurement and run its rounds; an error ends the measurement and is part of the result."""
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
