"""Words about a tokenizer on a file."""

from __future__ import annotations

from collections.abc import Mapping

from impls.inspection.blocks import Block, Column, Heading, Sentences, Table
from impls.inspection.figures.usage import UsageFigures
from impls.inspection.words.forms import KIND_NOTE, decimal, quoted, share, shortened

N_UNUSED = 10
"""Unused tokens that are shown; JSON has the ids of all."""

NOTES = (
    "fertility: tokens per word; a word is text between white space (Rust et al. 2021)",
    "Renyi efficiency: how evenly the vocabulary is used, at most 1; order 2.5 (Zouhar et al. 2023)",
)


def usage_blocks(figures: UsageFigures, vocab: Mapping[int, bytes]) -> list[Block]:
    """Return what is said about a tokenizer on a file; `vocab` is its mapping: id -> bytes."""
    return [
        Heading(f"Tokenizer on {figures.source}"),
        Sentences(
            [
                f"{figures.n_tokens:,} tokens, {figures.n_words:,} words, {figures.n_characters:,} characters, "
                f"{figures.n_bytes:,} bytes",
                f"{decimal(figures.bytes_per_token)} bytes per token, {decimal(figures.characters_per_token)} "
                f"characters per token",
                f"fertility {decimal(figures.fertility)}, Renyi efficiency {decimal(figures.renyi_efficiency)}",
                f"{figures.n_used:,} tokens of the vocabulary are used; {figures.n_unused:,} tokens of text are not",
                *NOTES,
            ]
        ),
        _most_used(figures, vocab),
        *_unused(figures, vocab),
        _kinds(figures),
        Sentences([KIND_NOTE]),
    ]


def _most_used(figures: UsageFigures, vocab: Mapping[int, bytes]) -> Table:
    rows = [
        (str(token_id), shortened(quoted(vocab[token_id])), f"{n:,}", share(n / figures.n_tokens))
        for token_id, n in figures.most_used
    ]
    columns = (Column("Token ID", True), Column("Token"), Column("Times", True), Column("Share", True))
    return Table("Most frequent tokens:", columns, rows)


def _unused(figures: UsageFigures, vocab: Mapping[int, bytes]) -> list[Block]:
    rows = [(str(token_id), shortened(quoted(vocab[token_id]))) for token_id in figures.unused[:N_UNUSED]]
    title = f"Unused tokens of text ({len(rows)} of {figures.n_unused:,}):"
    return [Table(title, (Column("Token ID", True), Column("Token")), rows)] if rows else []


def _kinds(figures: UsageFigures) -> Table:
    rows = [
        (
            kind.kind,
            f"{kind.n_tokens:,}",
            share(kind.n_tokens / figures.n_tokens),
            f"{kind.n_bytes:,}",
            decimal(kind.bytes_per_token),
            decimal(kind.characters_per_token),
        )
        for kind in figures.kinds
    ]
    heads = ("Tokens", "Share", "Bytes", "Bytes per token", "Characters per token")
    return Table("By script:", (Column("Kind"), *(Column(head, True) for head in heads)), rows)
