"""A training step of the trainer beside other programs': the newest record of `nox -s step`."""

from __future__ import annotations

from typing import Any

import pandas as pd

from reports.blocks import Block, Heading, Paragraph, Section, Table
from reports.formats import seconds
from reports.load import Evidence


def step(evidence: Evidence) -> list[Section]:
    """Return the models, ours first, and the operations, reference beside fused."""
    content = evidence.others["lm"]
    versions = ", ".join(f"{name} {version}" for name, version in content["versions"].items())
    blocks: list[Block] = [
        Paragraph(
            "Forward, backward, clipping and the same fused AdamW. All sides had the same weights and found the same "
            "loss before they were timed; they took turns, a step each, in random order. "
            f"On {content['device']}, {content['threads']} threads; {versions}."
        )
    ]
    for run in content["models"]:
        compiled = ", compiled" if run["compiled"] else ""
        blocks += [
            Heading(f"{run['model']}, {run['gelu']}"),
            Paragraph(
                f"{run['parameters']:,} parameters, {run['batch']} x {run['block']} ids a step, {run['precision']}"
                f"{compiled}, loss {run['sides'][0]['loss']:.4f}."
            ),
            models_table(run),
        ]
    blocks.append(Heading("Operations"))
    if content["operations"]:
        text = "Forward and backward in the shapes of that step; both give the same values."
        blocks += [Paragraph(text), operations_table(content["operations"])]
    else:
        blocks.append(Paragraph("Missing: the record has none; run it with --ops."))
    return [Section("The training step", blocks, "nox -s step")]


def models_table(run: dict[str, Any]) -> Table:
    """Return a row a side: time, speed, and how many times as fast ours is, held against the bar."""
    n_tokens, ours = run["batch"] * run["block"], run["sides"][0]["samples"]
    rows = []
    for side in run["sides"]:
        middle = quartiles(side["samples"])[1]
        gain, worst, best = ratio(side["samples"], ours)
        others = [f"{gain:.2f}x", f"{worst:.2f}x .. {best:.2f}x"] if side["samples"] is not ours else ["-", "-"]
        bar = ["-", "-"]
        if side["bar"] is not None:
            bar = [f">= {side['bar']:g}x", "reached" if gain >= side["bar"] else "short of the bar"]
        rows.append([side["name"], seconds(middle), f"{n_tokens / middle:,.0f}", *others, *bar])
    head = ["model", "a step", "tokens/s", "ours is as fast", "spread", "bar", "verdict"]
    return Table(head, rows, range(1, 6))


def operations_table(operations: list[dict[str, Any]]) -> Table:
    """Return a row an operation."""
    rows = []
    for row in operations:
        reference, fused = row["samples"]["reference"], row["samples"]["fused"]
        gain, worst, best = ratio(reference, fused)
        medians = [seconds(quartiles(samples)[1]) for samples in (reference, fused)]
        rows.append([f"`{row['name']}`", *medians, f"{gain:.2f}x", f"{worst:.2f}x .. {best:.2f}x"])
    return Table(["operation", "reference", "fused", "fused is as fast", "spread"], rows, range(1, 5))


def quartiles(samples: list[float]) -> list[float]:
    """Return lower quartile, median, upper quartile."""
    found: list[float] = pd.Series(samples, dtype=float).quantile([0.25, 0.5, 0.75]).tolist()
    return found


def ratio(slow: list[float], fast: list[float]) -> tuple[float, float, float]:
    """Return the ratio of medians, and those of the unfavourable and the favourable quartiles."""
    (low_a, middle_a, high_a), (low_b, middle_b, high_b) = quartiles(slow), quartiles(fast)
    return middle_a / middle_b, low_a / high_b, high_a / low_b
