"""Growth: the slope of a line through log(size) and log(time), fitted by least squares, with its interval."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

# Two-sided 95 % quantiles of Student's t for 1 to 30 degrees of freedom.
_T = (
    12.706, 4.303, 3.182, 2.776, 2.571, 2.447, 2.365, 2.306, 2.262, 2.228, 2.201, 2.179, 2.160, 2.145, 2.131,
    2.120, 2.110, 2.101, 2.093, 2.086, 2.080, 2.074, 2.069, 2.064, 2.060, 2.056, 2.052, 2.048, 2.045, 2.042,
)  # fmt: skip

SPAN = 100
"""Only sizes of at least the largest size divided by this number are used, since times of smaller sizes are mostly
fixed costs."""


class Slope(NamedTuple):
    """Exponent of growth: time is proportional to size ** value.

    Attributes:
        value: the slope of the line.
        low, high: the 95 % interval of the slope; with only two points, the interval cannot be estimated, and both
            ends equal `value`.
        n: how many points were used.
    """

    value: float
    low: float
    high: float
    n: int


def growth(points: Sequence[tuple[float, float]]) -> Slope | None:
    """Fit a line through the logarithms of (size, time); return None if there are fewer than two sizes."""
    largest = max((x for x, _ in points), default=0.0)
    used = [(math.log(x), math.log(y)) for x, y in points if x * SPAN >= largest and y > 0]
    if len(used) < 2:
        return None
    x, y = np.array(used).T
    centred = x - x.mean()
    value = float(centred @ y / (centred @ centred))
    if len(used) == 2:
        return Slope(value, value, value, 2)
    rest = y - y.mean() - value * centred
    freedom = len(used) - 2
    error = math.sqrt(float(rest @ rest) / freedom / float(centred @ centred))
    width = _T[min(freedom, len(_T)) - 1] * error
    return Slope(value, value - width, value + width, len(used))
