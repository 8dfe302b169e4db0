"""Words about tokenizers side by side."""

from __future__ import annotations

from collections.abc import Iterator

from impls.inspection.blocks import Block, Boundaries, Column, Heading, Plot, Sentences, Table
from impls.inspection.figures.comparison import ComparisonFigures
from impls.inspection.words.forms import decimal, share, token_text
from impls.inspection.words.usage import NOTES

HEADS = (
    *("Tokens", "Text", "Bytes per token", "Characters per token", "Fertility", "Renyi efficiency", "Unused"),
    "MB/s",
)


def comparison_blocks(figures: ComparisonFigures) -> list[Block]:
    """Return what is said about several tokenizers on a file."""
    return [
        Heading(f"{len(figures.tokenizers)} tokenizers on {figures.source}"),
        _table(figures),
        Sentences(_notes(figures)),
        Plot(
            "Bytes per token over the size of the vocabulary",
            "tokens of the vocabulary",
            "bytes per token",
            [(row.name, row.sizes.n_tokens, row.usage.bytes_per_token) for row in figures.tokenizers],
        ),
        *_kinds(figures),
        *_overlaps(figures),
        *_disagreements(figures),
    ]


def _table(figures: ComparisonFigures) -> Table:
    rows = [
        (
            row.name,
            f"{row.sizes.n_tokens:,}",
            f"{row.usage.n_tokens:,}",
            decimal(row.usage.bytes_per_token),
            decimal(row.usage.characters_per_token),
            decimal(row.usage.fertility),
            decimal(row.usage.renyi_efficiency),
            f"{row.usage.n_unused:,}",
            f"{row.speed.median:,.0f} ({row.speed.low:,.0f} to {row.speed.high:,.0f})",
        )
        for row in figures.tokenizers
    ]
    return Table("", (Column("Tokenizer"), *(Column(head, True) for head in HEADS)), rows)


def _notes(figures: ComparisonFigures) -> list[str]:
    speed = figures.tokenizers[0].speed
    return [
        "Tokens: size of the vocabulary; Text: tokens of the file; Unused: tokens that the file does not have",
        *NOTES,
        f"MB/s: mergelab encodes {speed.n_bytes:,} bytes of the file with each vocabulary, in turns; median of "
        f"{speed.n_rounds} turns, with quartiles; before, the ids were decoded and gave the text again",
    ]


def _kinds(figures: ComparisonFigures) -> Iterator[Block]:
    of = [{kind.kind: kind for kind in row.usage.kinds} for row in figures.tokenizers]
    kinds = list(dict.fromkeys(kind for row in of for kind in row))
    rows = [
        (kind, *(decimal(row[kind].bytes_per_token) if kind in row else "-" for row in of))
        for kind in kinds
    ]  # fmt: skip
    columns = (Column("Kind"), *(Column(row.name, True) for row in figures.tokenizers))
    yield Table("Bytes per token, by script:", columns, rows)


def _overlaps(figures: ComparisonFigures) -> Iterator[Block]:
    rows = [
        (row.first, row.second, f"{row.n_common:,}", share(row.of_first), share(row.of_second))
        for row in figures.overlaps
    ]
    heads = (Column("Common", True), Column("Of the first", True), Column("Of the second", True))
    yield Table("Common tokens:", (Column("First"), Column("Second"), *heads), rows)


def _disagreements(figures: ComparisonFigures) -> Iterator[Block]:
    if not figures.disagreements:
        yield Sentences(["all tokenizers give equally many tokens for each line"])
        return
    yield Heading("Where they disagree most")
    for passage in figures.disagreements:
        for row, tokens in zip(figures.tokenizers, passage.tokens, strict=True):
            yield Boundaries(f"{row.name}, {len(tokens)} tokens:", [token_text(token) for token in tokens])
