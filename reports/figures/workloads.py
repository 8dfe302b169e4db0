"""Workloads: sizes, vocabulary, and how often a pretoken repeats."""

from __future__ import annotations

from reports.figures.tables import Table
from reports.figures.values import Code, Value
from reports.records import Record


def table(record: Record) -> Table:
    """Return a row per workload."""
    head = ["workload", "bytes", "pretokens", "unique", "repeats", "vocabulary", "why", "corpus sha256"]
    return Table(head, [
        [
            row["workload"], Value(row["bytes"], "bytes", decimals=0), Value(row["pretokens"], "pretokens"),
            Value(row["unique_pretokens"], "pretokens"),
            Value(row["pretokens"] / row["unique_pretokens"], "x", decimals=0), Value(row["vocab_size"], "tokens"),
            row["why"], Code(row["corpus_sha256"][:16]),
        ]
        for row in record.cases.drop_duplicates("workload").to_dict("records")
    ])  # fmt: skip
