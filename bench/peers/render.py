"""Writes the results as one table: ratio, spread, medians, and whether the bar is reached."""

from __future__ import annotations

from collections.abc import Iterable
from statistics import median

from bench.peers.measurement import Metric, Row
from bench.peers.runner import Result

HEADER = ("id", "work", "bar", "median", "spread", "ours", "other", "verdict")


def number(value: float, unit: str) -> str:
    """Format a number with three digits and its unit."""
    text = f"{value:,.0f}" if abs(value) >= 100 else f"{value:.3g}"
    return f"{text} s" if unit == "s" else f"{text}{unit}"


def figure(value: float, metric: Metric) -> str:
    """Format a figure of a side: a time in seconds, or a size in bytes."""
    if metric == "peak_rss":
        return f"{value / 1e6:,.0f} MB"
    for factor, unit in ((1, "s"), (1e3, "ms"), (1e6, "µs")):
        if value * factor >= 1 or unit == "µs":
            return f"{value * factor:.3g} {unit}"
    return ""


def row_values(row: Row, result: Result) -> list[float]:
    """Return the number of a row for each round."""
    return [row.value(outcomes) for outcomes in result.rounds()]


def verdict(row: Row, values: list[float]) -> str:
    """Say whether the median of a row reaches the bar."""
    if row.bar is None:
        return "-"
    reached = median(values) >= row.bar if row.at_least else median(values) <= row.bar
    return "reached" if reached else "short of the bar"


def cells(row: Row, result: Result) -> list[str]:
    """Return the cells of a row, apart from the id of its measurement."""
    values = row_values(row, result)
    medians = [
        figure(median(outcomes[name][row.metric] for outcomes in result.rounds()), row.metric) if name else "-"
        for name in row.sides
    ]
    bar = "-" if row.bar is None else f"{'>=' if row.at_least else '<='} {number(row.bar, row.unit)}"
    spread = f"{number(min(values), row.unit)} .. {number(max(values), row.unit)}"
    return [row.work, bar, number(median(values), row.unit), spread, *medians, verdict(row, values)]


def table(results: Iterable[Result]) -> str:
    """Return the table as Markdown that is readable as plain text; a measurement with an error has no number."""
    lines: list[list[str]] = [list(HEADER), []]
    errors = []
    for result in results:
        if result.error or result.measurement is None:
            errors.append(f"{result.id}: error: {result.error}")
            continue
        lines += [[result.id, *cells(row, result)] for row in result.measurement.rows]
    widths = [max(len(line[column]) for line in lines if line) for column in range(len(HEADER))]
    lines[1] = ["-" * width for width in widths]
    padded = (" | ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)) for line in lines)
    return "\n".join([*(f"| {line} |" for line in padded), *errors])
