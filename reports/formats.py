"""How numbers are written: units, and as many digits as mean something."""

from __future__ import annotations

import math


def seconds(value: float) -> str:
    """Write a time with a unit and three digits."""
    for unit, scale in (("s", 1.0), ("ms", 1e-3), ("µs", 1e-6)):
        if value >= scale:
            return f"{value / scale:.3g} {unit}"
    return f"{value / 1e-9:.3g} ns"


def ratio(value: float) -> str:
    """Write a ratio with at least two digits."""
    return f"{value:,.0f}x" if value >= 100 else f"{value:.2g}x" if value < 10 else f"{value:.0f}x"


def size(value: float) -> str:
    """Write a number of bytes with a decimal unit."""
    for unit, scale in (("GB", 1e9), ("MB", 1e6), ("KB", 1e3)):
        if abs(value) >= scale:
            return f"{value / scale:.3g} {unit}"
    return f"{value:.0f} B"


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
    return f"{value:,.0f}" if value == math.floor(value) or abs(value) >= 1000 else f"{value:.3g}"
