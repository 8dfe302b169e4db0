"""Other tokenizers beside ours: the newest record of `nox -s peers`."""

from __future__ import annotations

from statistics import median
from typing import Any

from reports.blocks import Block, Bullets, Figure, Paragraph, Section, Table
from reports.formats import digits, seconds, size
from reports.load import Evidence
from reports.plots import bars


def _number(value: float, unit: str) -> str:
    text = f"{value:,.0f}" if abs(value) >= 100 else digits(value)
    return f"{text} s" if unit == "s" else f"{text}{unit}"


def side_median(measurement: dict[str, Any], name: str, metric: str) -> str:
    """Return the median of one side's samples in its unit; a dash where there is no such side."""
    for side in measurement["sides"]:
        if side["name"] == name and side["samples"]:
            value = median(sample[metric] for sample in side["samples"])
            return size(value) if metric == "peak_rss" else seconds(value)
    return "-"


def peers(evidence: Evidence) -> list[Section]:
    """Return the table of ratios with their bars and spread."""
    content = evidence.others["peers"]
    rows, drawn, errors = [], [], []
    for measurement in content["measurements"]:
        if measurement["error"]:
            errors.append(f"{measurement['id']}: error, no ratio: {measurement['error']}")
        for row in measurement["rows"]:
            middle, unit = median(row["values"]), row["unit"]
            bar = "-" if row["bar"] is None else f"{'>=' if row['at_least'] else '<='} {_number(row['bar'], unit)}"
            spread = f"{_number(min(row['values']), unit)} .. {_number(max(row['values']), unit)}"
            sides = [side_median(measurement, name, row["metric"]) for name in row["sides"]]
            rows.append([measurement["id"], row["work"], bar, _number(middle, unit), spread, *sides, row["verdict"]])
            if unit == "x" and row["at_least"]:
                drawn.append(
                    (f"{measurement['id']} {row['work'].split(': ')[-1]}"[:34], middle, _number(middle, unit))
                )
    corpus = content["corpus"]
    caption = "How many times as fast as the other side, logarithmic"
    blocks: list[Block] = [
        Paragraph(
            f"{corpus['name'].rpartition('/')[2]}, {size(corpus['bytes'])}, vocabulary of {content['vocab_size']:,}; "
            "the sides take turns, each in a process of its own, outputs compared. Median of the rounds."
        ),
    ]
    if drawn:
        blocks.append(Figure(bars(drawn, caption, log=True), caption))
    head = ["id", "work", "bar", "median", "spread", "ours", "other", "verdict"]
    blocks.append(Table(head, rows, (2, 3, 4, 5, 6)))
    if errors:
        blocks.append(Bullets(errors))
    return [Section("Against other tokenizers", blocks, "nox -s peers")]
