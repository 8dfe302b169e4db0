"""A training step of our models beside the steps of other programs."""

from __future__ import annotations

from typing import Any

from reports.blocks import Block, Details, Heading, Paragraph, missing
from reports.evidence import Evidence
from reports.figures import step as figures
from reports.figures.values import Value


def step(evidence: Evidence) -> list[Block]:
    """Return the times of the models, our model first, then the times of the operations."""
    content = evidence.content("step")
    versions = ", ".join(f"{name} {version}" for name, version in content["versions"].items())
    blocks: list[Block] = [
        Paragraph(
            "A step is forward, backward, clipping and the same fused AdamW. All sides had the same weights and "
            "found the same loss before they were timed; they took turns, one step each, in random order. "
            f"On {content['device']}, {content['threads']} threads; {versions}."
        )
    ]
    for run in content["models"]:
        blocks += [Heading(f"{run['model']}, {run['gelu']}"), Paragraph(shape(run)), figures.models(run)]
    if not content["operations"]:
        return [*blocks, Details("Operations", [missing("the record has none; run it with --ops")])]
    text = "Forward and backward in the shapes of that step; reference and fused give the same values."
    return [*blocks, Details("Operations", [Paragraph(text), figures.operations(content["operations"])])]


def shape(run: dict[str, Any]) -> tuple[str | Value, ...]:
    """Describe the model, the step, and the loss that all sides found."""
    compiled = ", compiled" if run["compiled"] else ""
    return (
        Value(run["parameters"], "parameters"),
        f" parameters, {run['batch']} x {run['block']} ids per step, {run['precision']}{compiled}, loss ",
        Value(run["sides"][0]["loss"], decimals=4),
        ".",
    )
