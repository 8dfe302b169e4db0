"""How values are written: with a unit, and only with digits that are certain enough to be meaningful."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from decimal import Decimal

from reports.figures.values import Bound, Cell, Code, Link, Part, Shares, Small, Spread, Value


def digits(value: float, n: int = 3) -> str:
    """Write the first `n` digits that are not zero, never with an exponent."""
    return f"{Decimal(f'{value:.{n}g}'):,f}"


def _with_unit(value: float, units: Sequence[tuple[str, float]], rest: str) -> str:
    """Write a value in the largest unit in which it is at least 1 after rounding, or else as `rest`."""
    for unit, scale in units:
        if abs(float(f"{value / scale:.3g}")) >= 1:
            return f"{digits(value / scale)} {unit}"
    return rest


def seconds(value: float) -> str:
    """Write a time with a unit and three digits."""
    units = (("s", 1.0), ("ms", 1e-3), ("µs", 1e-6))
    return _with_unit(value, units, f"{digits(value / 1e-9)} ns" if value else "0 s")


def size(value: float) -> str:
    """Write a number of bytes with a decimal unit."""
    return _with_unit(value, (("GB", 1e9), ("MB", 1e6), ("KB", 1e3)), f"{value:.0f} B")


def ratio(value: float, n: int = 2) -> str:
    """Write a ratio with `n` digits, or all digits of its whole part."""
    return f"{value:,.0f}x" if abs(value) >= 10 ** (n - 1) else f"{digits(value, n)}x"


def percent(value: float) -> str:
    """Write a share."""
    return f"{100 * value:.0f} %" if value >= 0.1 else f"{100 * value:.1f} %"


def number(value: float) -> str:
    """Write a number with three digits; of a whole number, write all digits."""
    return f"{value:,.0f}" if value == math.floor(value) or abs(value) >= 1000 else digits(value)


def hundredths(value: float) -> str:
    """Write a number with two decimals."""
    return f"{value:.2f}"


WRITERS: Mapping[str, Callable[[float], str]] = {
    "s": seconds,
    "bytes": size,
    "x": ratio,
    "share": percent,
    "h": lambda value: f"{value:,.1f} h",
    "power": hundredths,
    "bytes per token": hundredths,
    "characters per token": hundredths,
    "MB/s": digits,
    "M tokens/s": digits,
    "M characters/s": digits,
    "merges/s": digits,
    "tokens/s": lambda value: f"{value:,.0f}",
}
"""A dict: unit -> function that writes a number in this unit. In any other unit, a plain number is written, and a
label names the unit."""


def write_number(value: float, unit: str, digits: int | None = None, decimals: int | None = None) -> str:
    """Write a number in its unit; `digits`, for a ratio, and `decimals` take precedence over the unit."""
    if not math.isfinite(value):  # In a damaged record, no number is here.
        return "-"
    if decimals is not None:
        return f"{value:,.{decimals}f}{'x' if unit == 'x' else ''}"
    if digits is not None and unit == "x":
        return ratio(value, digits)
    return WRITERS.get(unit, number)(value)


def write(cell: Cell) -> str:
    """Write any cell as text: code is put between backticks, and an empty cell becomes a dash."""
    match cell:
        case None:
            return "-"
        case str():
            return cell
        case tuple():
            return "".join(map(write, cell))
        case Code():
            return f"`{cell.text}`"
        case Link() | Small():
            return cell.text
        case Shares():
            return ", ".join(f"{name} {percent(share)}" for name, share in cell.items)
        case Bound():
            return f"{'>=' if cell.at_least else '<='} {write(cell.value)}"
        case Part():
            return f"{write_number(cell.number, cell.unit)} ({percent(cell.share)})"
        case Spread():
            low, high = (write_number(end, cell.unit, cell.digits, cell.decimals) for end in (cell.low, cell.high))
            return f"{low} .. {high}"
        case Value():
            return _value(cell)
        case _:  # A damaged record may have any JSON value in the place of words.
            return str(cell)


def _value(value: Value) -> str:
    """Write a number with its spread, if known: the interval of an exponent, else half the interquartile range."""
    text = write_number(value.number, value.unit, value.digits, value.decimals)
    if value.low is None or value.high is None:
        return text
    if value.unit == "power":
        return f"{text} ({write(value.least)} to {write(value.most)})"
    return f"{text} ±{percent((value.high - value.low) / 2 / value.number)}"
