"""Words about a text: a table of its tokens, and the tokens between brackets."""

from __future__ import annotations

from collections.abc import Sequence

from impls.inspection.blocks import Block, Boundaries, Column, Heading, Sentences, Table
from impls.inspection.figures.text import Span, TextFigures, TextToken
from impls.inspection.words.forms import decimal, token_text

COLUMNS = (Column("Token ID", width=11), Column("Token", width=21), Column("Bytes"))


def text_blocks(figures: TextFigures) -> list[Block]:
    """Return what is said about a text."""
    n = len(figures.tokens)
    return [
        Heading("Text"),
        Sentences(
            [
                f"{n:,} tokens, {figures.n_characters:,} characters, {figures.n_bytes:,} bytes; "
                f"{decimal(figures.n_bytes / n)} bytes per token"
            ]
        ),
        token_table(figures.tokens),
        boundaries("Token boundaries:", figures.tokens),
    ]


def token_table(tokens: Sequence[TextToken]) -> Table:
    """Return a table of tokens: id, text, bytes in hexadecimal, and their places if they are known."""
    has_places = all(token.byte_span for token in tokens)
    places = (Column("Byte span"), Column("Character span")) if has_places else ()
    rows = [
        (
            str(token.id),
            token_text(token.content),
            token.content.hex(" "),
            *(map(_span, (token.byte_span, token.character_span)) if has_places else ()),
        )
        for token in tokens
    ]
    return Table("Tokenization breakdown:", (*COLUMNS, *places), rows)


def boundaries(label: str, tokens: Sequence[TextToken]) -> Boundaries:
    """Return the tokens as a text with boundaries."""
    return Boundaries(label, [token_text(token.content) for token in tokens])


def _span(span: Span | None) -> str:
    return f"{span[0]}..{span[1]}" if span else ""
