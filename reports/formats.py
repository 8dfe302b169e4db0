"""How numbers are written: units, and as many digits as mean something."""

from __future__ import annotations

import math
from collections.abc import Sequence
from decimal import Decimal


def digits(value: float, n: int = 3) -> str:
    """Write the first `n` digits that are not zero, never with an exponent."""
    return f"{Decimal(f'{value:.{n}g}'):,f}"


def _with_unit(value: float, units: Sequence[tuple[str, float]], rest: str) -> str:
    """Write a value in the largest unit of which it is one or more once it is rounded, or else as `rest`."""
    for unit, scale in units:
        if abs(float(f"{value / scale:.3g}")) >= 1:
            return f"{digits(value / scale)} {unit}"
    return rest


def seconds(value: float) -> str:
    """Write a time with a unit and three digits."""
    units = (("s", 1.0), ("ms", 1e-3), ("µs", 1e-6))
    return _with_unit(value, units, f"{digits(value / 1e-9)} ns" if value else "0 s")


def ratio(value: float) -> str:
    """Write a ratio with at least two digits."""
    return f"{value:,.0f}x" if value >= 100 else f"{digits(value, 2)}x" if value < 10 else f"{value:.0f}x"


def size(value: float) -> str:
    """Write a number of bytes with a decimal unit."""
    return _with_unit(value, (("GB", 1e9), ("MB", 1e6), ("KB", 1e3)), f"{value:.0f} B")


def measure(value: float, unit: str) -> str:
    """Write a value in the unit of its study."""
    if unit == "bytes a token":
        return f"{value:.2f}"
    return size(value) if unit == "bytes" else seconds(value)


def percent(value: float) -> str:
    """Write a share."""
    return f"{100 * value:.0f} %" if value >= 0.1 else f"{100 * value:.1f} %"


def number(value: float) -> str:
    """Write a number with three digits, or all of a whole one."""
    return f"{value:,.0f}" if value == math.floor(value) or abs(value) >= 1000 else digits(value)
