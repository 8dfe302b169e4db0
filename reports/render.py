"""From tables to pages: one self-contained HTML file, the same in Markdown, and a ladder for the terminal."""

from __future__ import annotations

import math
import shlex
from pathlib import Path

import pandas as pd
from jinja2 import Environment, FileSystemLoader, StrictUndefined

from reports.load import Record, ladders, workload_table

TEMPLATES = Path(__file__).parent / "templates"


def seconds(value: float) -> str:
    """Write a time with a unit and three digits."""
    for unit, scale in (("s", 1.0), ("ms", 1e-3), ("µs", 1e-6)):
        if value >= scale:
            return f"{value / scale:.3g} {unit}"
    return f"{value / 1e-9:.3g} ns"


def ratio(value: float) -> str:
    """Write a ratio with at least two digits."""
    return f"{value:,.0f}x" if value >= 100 else f"{value:.2g}x" if value < 10 else f"{value:.0f}x"


def bar_width(value: float, largest: float) -> float:
    """Length of a bar in percent, logarithmic: speed-ups span four orders of magnitude."""
    return 100 * math.log10(max(value, 1) * 1.3) / math.log10(max(largest, 1) * 1.3)


def environment() -> Environment:
    """Return the templates with the formats above."""
    jinja = Environment(
        loader=FileSystemLoader(TEMPLATES),
        autoescape=lambda name: bool(name and ".html" in name),
        trim_blocks=True,
        lstrip_blocks=True,
        undefined=StrictUndefined,
        keep_trailing_newline=True,
    )
    jinja.filters.update(seconds=seconds, ratio=ratio)
    jinja.globals.update(bar_width=bar_width)
    return jinja


def verdict(record: Record) -> list[str]:
    """Return one sentence a ladder: who is fastest, by how much, at what rate."""
    sentences = []
    for stage, workload, rows in ladders(record):
        best, base = rows.iloc[int(rows["median"].to_numpy().argmin())], rows.iloc[0]
        sentences.append(
            f"{stage}, {workload}: {best['impl']} is {ratio(best['speedup'])} as fast as {base['impl']} "
            f"({ratio(best['speedup_low'])} to {ratio(best['speedup_high'])}), {best['mb_per_s']:.3g} MB/s"
        )
    return sentences


def reproduce(record: Record) -> str:
    """Return the command that makes a record like this one."""
    extra = [
        word
        for word in record.arguments
        if word not in ("bench", "--quiet", "--benchmark-quiet", "--benchmark-autosave")
    ]
    return shlex.join(["nox", "-s", "bench", *(["--", *extra] if extra else [])])


def render(record: Record, template: str) -> str:
    """Fill one template from a record."""
    pages = environment()
    return pages.get_template(template).render(
        record=record,
        verdict=verdict(record),
        ladders=[(stage, workload, rows.to_dict("records")) for stage, workload, rows in ladders(record)],
        workloads=workload_table(record).to_dict("records"),
        skipped=record.skipped.to_dict("records"),
        versions=record.cases["versions"].iloc[0],
        command=reproduce(record),
    )


def terminal(record: Record) -> str:
    """Return all ladders as text."""
    parts = []
    for stage, workload, rows in ladders(record):
        table = pd.DataFrame(
            {
                "implementation": rows["impl"],
                "median": rows["median"].map(seconds),
                "speed-up": rows["speedup"].map(ratio),
                "spread": [
                    f"{ratio(low)} .. {ratio(high)}"
                    for low, high in zip(rows["speedup_low"], rows["speedup_high"], strict=True)
                ],
                "MB/s": rows["mb_per_s"].map("{:.3g}".format),
            }
        )
        parts.append(f"{stage}, {workload}: speed-up over {rows.iloc[0]['impl']}\n{table.to_string(index=False)}\n")
    return "\n".join(parts)
