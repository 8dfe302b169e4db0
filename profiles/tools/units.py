"""What counts of instructions and misses are divided by, so that texts of two sizes can be compared."""

from __future__ import annotations

from typing import Any

from bench.inputs import inputs_of
from profiles.targets import TARGETS, Subject


def units(subject: Subject) -> dict[str, Any]:
    """Return the unit of work of a stage, `per`, and how many `units` one call does: merges, or pretokens read.

    `kernels` tells whether compiled code of ours does some of it.
    """
    inputs, kernels = inputs_of(subject.row()), TARGETS[subject.stage].loads_code(subject.impl)
    if subject.stage == "train":
        return {"per": "merge", "units": len(inputs.definition.merges), "kernels": kernels}
    return {"per": "pretoken", "units": int(inputs.pretokens.counts.sum()), "kernels": kernels}
