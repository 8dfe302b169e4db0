"""Units of work. Counts are divided by the number of units, so that texts of different sizes can be compared."""

from __future__ import annotations

from typing import Any

from bench.inputs import inputs_of
from profiles.targets import TARGETS, Subject


def units(subject: Subject) -> dict[str, Any]:
    """Return `per`, the unit of work of a stage (merges, or pretokens read), and `units`, their number in one call.

    `kernels` tells whether compiled code of this project does part of the work.
    """
    inputs, kernels = inputs_of(subject.row()), TARGETS[subject.stage].loads_code(subject.impl)
    if subject.stage == "train":
        return {"per": "merge", "units": len(inputs.definition.merges), "kernels": kernels}
    return {"per": "pretoken", "units": int(inputs.pretokens.counts.sum()), "kernels": kernels}
