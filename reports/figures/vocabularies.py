"""Vocabularies: the cost of training a vocabulary of 10,000 tokens, and the vocabularies that were not filled."""

from __future__ import annotations

import pandas as pd

from reports.figures.tables import Table
from reports.figures.values import Code, Value


def cost(points: pd.DataFrame) -> Table:
    """Return time, memory and the longest token of each training."""
    head = ["trainer", "text", "median", "peak memory", "merges", "longest token", "its bytes"]
    return Table(head, [
        [
            row["series"], Value(row["bytes"], "bytes"), Value(row["median"], "s"), Value(row["peak_bytes"], "bytes"),
            Value(row["merges"], "merges"), Code(row["longest_token"]),
            Value(row["longest_token_bytes"], "bytes", decimals=0),
        ]
        for row in points.to_dict("records")
    ])  # fmt: skip


def not_filled(points: pd.DataFrame) -> list[tuple[str, Value]]:
    """Return each series whose training ran out of pairs, with the number of tokens in its vocabulary."""
    small = points[points["tokens_in_vocabulary"] < points["vocab_size"]].drop_duplicates("series")
    return [(row["series"], Value(row["tokens_in_vocabulary"], "tokens")) for row in small.to_dict("records")]
