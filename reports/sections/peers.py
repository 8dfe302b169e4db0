"""Other tokenizers beside ours."""

from __future__ import annotations

from reports.blocks import Block, Bullets, Figure, Paragraph
from reports.evidence import Evidence
from reports.figures import peers as figures
from reports.figures.values import Value


def peers(evidence: Evidence) -> list[Block]:
    """Return the ratios with their bars and spread."""
    content = evidence.content("peers")
    corpus, measurements = content["corpus"], content["measurements"]
    vocab_size = content["vocab_size"]
    drawing = figures.bars(measurements, vocab_size)
    blocks: list[Block] = [
        Paragraph((
            f"{corpus['name'].rpartition('/')[2]}, ", Value(corpus["bytes"], "bytes"), ", vocabulary of ",
            Value(vocab_size, "tokens"), "; the sides take turns, each in a process of its own, and their "
            "outputs are compared. Median of the rounds.",
        ))
    ]  # fmt: skip
    if drawing.bars:
        blocks.append(Figure(drawing, "Ours beside the other side; what is slower or larger lies to the left of 1x"))
    blocks.append(figures.table(measurements, vocab_size))
    errors = [f"{row['id']}: error, no ratio: {row['error']}" for row in measurements if row["error"]]
    if errors:
        blocks.append(Bullets(errors))
    return blocks
