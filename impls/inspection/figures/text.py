"""A text as tokens: ids, bytes and places."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from impls.errors import UsageError
from impls.tokenizer import Tokenizer

Span = tuple[int, int]


@dataclass(frozen=True)
class TextToken:
    """A token of a text.

    Attributes:
        id: its id.
        content: its bytes.
        byte_span, character_span: where it stands in the text; None if only the ids are known.
    """

    id: int
    content: bytes
    byte_span: Span | None = None
    character_span: Span | None = None


@dataclass(frozen=True)
class TextFigures:
    """A text and its tokens."""

    text: str
    n_bytes: int
    n_characters: int
    tokens: tuple[TextToken, ...]


def text_figures(tokenizer: Tokenizer, text: str) -> TextFigures:
    """Return the tokens of a text.

    Raises:
        UsageError: the text is empty or cannot be encoded.
    """
    if not text:
        raise UsageError("text: is empty; give a text such as 'How does this split?'")
    ids, byte_spans, character_spans = tokenizer.encode_with_offsets(text)
    tokens = tuple(
        TextToken(token_id, tokenizer.vocab[token_id], (start, stop), (first, last))
        for token_id, (start, stop), (first, last) in zip(
            ids.tolist(), byte_spans.tolist(), character_spans.tolist(), strict=True
        )
    )
    return TextFigures(text, len(text.encode()), len(text), tokens)


def tokens_of(tokenizer: Tokenizer, ids: Iterable[int]) -> tuple[TextToken, ...]:
    """Return tokens by their ids, without places."""
    return tuple(TextToken(token_id, tokenizer.vocab[token_id]) for token_id in ids)
